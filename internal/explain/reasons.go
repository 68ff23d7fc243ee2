package explain

// reasons is the table. A new code goes to its area; none is ever removed or
// given another meaning.
var reasons = []Reason{
	{"ok", "The request was answered as asked.", ""},

	{"param.ignored", "The request has a parameter that nothing reads, often a misspelt one.", "Compare the parameter's name with the documentation of the token endpoint."},
	{"param.missing", "A parameter that the request needs is not there.", "Add the parameter that the error description names."},
	{"param.repeated", "A parameter is there more than once, and it cannot be told which one counts.", "Send each parameter once."},
	{"param.malformed", "A parameter has a value that it cannot have.", "Compare the value with the documentation of the token endpoint."},

	{"body.type", "The body has a media type that this endpoint does not read.", "Send the Content-Type that the error description names, usually application/x-www-form-urlencoded."},
	{"body.malformed", "The body is not what its media type promises.", "Let a library encode the form or the JSON document instead of joining strings."},

	{"grant.unsupported", "The server does not serve this grant_type.", "Ask with grant_type=client_credentials."},
	{"grant.not_allowed", "The client may not use this grant.", "Allow the grant for the client, or use the client that has it."},

	{"client.unknown", "No client of this tenant has this client_id.", "Check the client_id and that the request goes to the right tenant."},
	{"client.disabled", "The client is disabled.", "Enable the client with mintage client enable, or ask whoever disabled it."},
	{"client.other_tenant", "The client_id or the secret belongs to a client of another tenant.", "Send the request to the issuer that the client was registered at."},

	{"auth.missing", "The request carries no client authentication.", "Send the client_id and the client_secret by one of the methods that the metadata lists."},
	{"auth.method_not_allowed", "The client authenticated by a method that this endpoint or client does not take.", "Use one of the methods that the metadata lists."},
	{"auth.basic_malformed", "The Authorization header is not well-formed Basic authentication.", "Send the base64 of the client_id, a colon and the client_secret after the word Basic."},
	{"auth.not_urlencoded", "The secret would be right if the client had form-encoded it, or was right although it had not.", "Form-encode the client_id and the client_secret first, or take a secret without special characters."},
	{"auth.encoded_twice", "The credentials would be right if the client had form-encoded them once and not twice.", "Form-encode the client_id and the client_secret once, or leave it to the library."},
	{"auth.whitespace", "The secret would be right without the line break, blank or quotes around it.", "Trim it where it is stored: write the file with printf %s and not with echo."},
	{"auth.swapped", "The client_id was sent as the secret, and the secret as the client_id.", "Send each in its place, and replace the secret: what is sent as an identifier is not kept secret on the way."},
	{"auth.two_methods", "The request authenticates the client in more than one way.", "Send the credentials once, either in the header or in the body."},

	{"secret.mismatch", "The secret is none of the client's.", "Check that the whole secret was copied, or add a new one with mintage client secret add."},
	{"secret.truncated", "It begins like a secret that we made, and its checksum is wrong: it was cut off or mistyped.", "Copy the whole secret again; it has 59 characters."},
	{"secret.other_client", "The secret belongs to another client of the tenant.", "Send it with the client_id that it was made for."},
	{"secret.expired", "The secret is the client's and has expired.", "Add a new secret with mintage client secret add and hand it to the client."},
	{"secret.revoked", "The secret is the client's and was revoked.", "Give the client its newer secret, or add one with mintage client secret add."},
	{"secret.retired", "The secret was replaced by a newer one and its overlap is over.", "Give the client its newer secret."},
	{"secret.paused", "The secret is the client's and is refused for a while, to see who still uses it.", "Give the client its newer secret; the pause ends by itself."},
	{"secret.expiring", "The secret that got the token ends within 14 days.", "Rotate the client's secret with mintage client rotate before it ends."},
	{"secret.rotating", "A rotation of the client's secret is under way.", "Complete or cancel it with mintage client rotate, or wait until it is over."},
	{"secret.not_rotating", "No rotation of the client's secret is under way.", "See mintage client secret list, and begin one with mintage client rotate."},
	{"secret.busy", "More slow checks of secrets wait than the server lets wait.", "Ask again as Retry-After says, and give clients with imported secrets new ones, which are quick to check."},
	{"secret.limit", "The client has as many active secrets as it may have.", "Revoke one that is not used any more, then add the new one."},
	{"secret.last", "It is the client's last active secret, and revoking it locks the client out.", "Add a new secret first, or say that the client is to be locked out."},

	{"assertion.expired", "The client's assertion has expired or lives too long.", "Make a new assertion for each request and check the client's clock."},
	{"assertion.replayed", "The client's assertion was used before.", "Make a new assertion with a new jti for each request."},
	{"assertion.audience", "The client's assertion is for another audience.", "Set aud to the issuer of the tenant."},
	{"assertion.key_unknown", "The client's assertion is signed by a key that is not registered for the client.", "Register the public key, or sign with the one that is registered."},
	{"assertion.alg", "The client's assertion is signed with an algorithm that is not allowed.", "Sign with the algorithm of the registered key."},

	{"cert.missing", "The client or its token needs a certificate, and none was presented.", "Configure the client's certificate and key in its TLS library, and check that no proxy ends the TLS connection on the way."},
	{"cert.mismatch", "The client's certificate is not the one that is registered, or that the token is bound to.", "Present the certificate that is registered, or that the token was got with."},

	{"scope.unknown", "No resource server of this tenant defines the scope.", "Check the spelling of the scope, its prefix included."},
	{"scope.not_granted", "The scope exists and the client was not given it.", "Grant the scope to the client, or ask for less."},
	{"scope.empty", "The request names no scope, and the client has no default scope.", "Ask for a scope, or set the client's default_scope."},
	{"scope.malformed", "The scope has a character that no scope has.", "Separate scopes by single spaces, not by commas."},
	{"scope.ambiguous", "The scope belongs to several resource servers, or the scopes span several.", "Name the resource server with the parameter resource, or allow the client multi_audience."},

	{"resource.unknown", "The resource or audience is malformed, unknown, or not one that the client has a grant for.", "Send the identifier of a resource server that the client has a grant for."},
	{"resource.several", "The request names several resource servers, and the client may have a token for one only.", "Ask for one token for each, or allow the client multi_audience."},

	{"ip.not_allowed", "The request came from an address that is not in the client's allow_from.", "Add the network to allow_from, or check which address the proxy in between passes on."},
	{"dialect.not_allowed", "The client may not use this token endpoint.", "Use the token endpoint of the client's dialect, or add the dialect to the client."},
	{"query.credentials", "The client's credentials are in the URL, where logs and proxies see them.", "Send the credentials in the body or the header, and replace the secret that was seen."},

	{"request.too_large", "The request is larger than this endpoint reads.", "Send a smaller request."},
	{"request.method", "The endpoint does not serve this method.", "Use the method that the Allow header names."},
	{"request.not_https", "The request came over plain HTTP.", "Use https, or tell the server by --behind-proxy which proxy ends the TLS connection."},
	{"request.not_found", "Nothing is served at this host and path.", "Compare the URL with the issuer of the tenant, and add the host to its aliases if it is reached by another name."},

	{"request.path", "The path or the query can be read in more than one way, so that the gateway and the API behind it might see different ones.", "Send the path that is meant: without dot segments, empty segments, backslashes or encoded slashes."},
	{"request.host", "The Host of the request is no host name.", "Send one Host with a name and a port at most."},
	{"request.header", "A header that the decision rests on is there twice or malformed.", "Compare how the front asks with the page about it, and pass each header once."},
	{"request.connection", "The Connection header names a header that no hop may take away.", "Name only headers of the connection itself."},
	{"request.upgrade", "The request asks for another protocol than websocket.", "Ask for websocket, or without Upgrade."},
	{"request.body", "The body of the request broke off, came too slowly or has no framing that can be read.", "Send the body whole; for slow callers raise body_timeout of the route."},

	{"route.unknown", "No route of the gateway has this host and path.", "Compare the path with the routes in gateway.yaml; mintage gateway lists them on its admin listener under /gateway/v1/status."},

	{"proxy.unlisted", "Somebody asks forward auth whose address is not a listed proxy.", "Add the front's address to forward_auth.proxies in gateway.yaml; if it is no front of yours, find out who asks."},
	{"proxy.unknown", "The agent, asked as an HTTP proxy, has no upstream for the URL that may be reached so.", "Set forward_proxy for the upstream in agent.yaml, or list the host in NO_PROXY."},
	{"proxy.connect", "A program asks the agent for a tunnel, into which no token can be put.", "Send requests to the agent's own address instead, or list the host in NO_PROXY."},
	{"proxy.request", "The front asks forward auth without saying plainly what was requested.", "Compare the front's configuration with the example for it."},

	{"object.not_found", "The object does not exist, or the token may not see it.", "List what there is, and check which tenant the token administers."},
	{"object.exists", "Another object has this identifier or name.", "Choose another, or change the one that is there."},
	{"object.changed", "The object changed since it was read.", "Read it again, and repeat the change if it still makes sense."},
	{"object.invalid", "A member of the object has a value that it cannot have.", "Correct the members that the answer points to."},
	{"object.built_in", "The object came with the server and cannot be changed.", "Make an object of your own beside it."},
	{"object.in_use", "Other objects still need the object.", "Remove those that need it first."},
	{"idempotency.running", "The request with this idempotency key is still being carried out.", "Wait as long as Retry-After says, and send it again under the same key."},
	{"idempotency.reused", "Another request was answered under this idempotency key.", "Make a new key for each request, and use it again only to send the same request again."},
	{"idempotency.done", "The request was carried out under this idempotency key, and its answer was too large to be kept.", "Read what it changed: sending it again would change nothing."},
	{"admin.last", "It is the last client that can administer the whole server.", "Make another administrator first; where that is too late, run mintage admin-credentials new on the server's machine."},
	{"operator.last_owner", "It is the last owner who can sign in.", "Make another owner first."},
	{"invitation.other_person", "The invitation is for another e-mail address than that of who is signed in.", "Sign out, and open the link again; or ask for an invitation to the address that you sign in with."},
	{"organization.not_granted", "A member of an organization asked for more than an operator granted to it.", "Ask an operator to grant it to the organization, or to make the change."},
	{"organization.limit", "The organization has as many clients as it may.", "Delete a client that nobody uses, or ask an operator for a higher limit."},
	{"tenant.protected", "The tenant is protected.", "Say on purpose that the protected tenant is meant."},

	{"dpop.missing", "The access token is bound to a DPoP key, and came without a proof of it.", "Send the token with the scheme DPoP and a new proof in the header DPoP."},
	{"dpop.invalid", "The DPoP proof does not fit the request.", "Make a new proof for each request, with its method, its URL and the current time."},
	{"dpop.nonce", "The DPoP proof lacks the nonce that the server asks for, or has an old one.", "Make the proof again with the nonce of the header DPoP-Nonce."},
	{"dpop.replayed", "The DPoP proof was used before.", "Make a new proof with a new jti for each request, retries too."},

	{"limit.client", "The client asks more often than it may.", "Keep a token until shortly before it expires, and wait as long as Retry-After says."},
	{"limit.ip", "Too many requests come from this address.", "Wait as long as Retry-After says."},
	{"limit.route", "All callers of a route of the gateway together ask more often than the route's rate allows.", "Wait as long as Retry-After says, or raise the rate of the route in gateway.yaml."},
	{"limit.streams", "As many requests as may follow revocations at the same time do so already.", "Let one process of each resource server follow, and close the streams that nobody reads."},
	{"limit.guess", "Too many attempts failed, so that more are refused for a while.", "Correct the credentials, and wait as long as Retry-After says."},

	{"upstream.unwell", "The upstream fails its health checks, and the gateway sends it nothing.", "Look at what the upstream answers at its health path; requests go on when it is well."},
	{"upstream.unknown", "The agent has no upstream of this name.", "Compare the first part of the path with the upstreams in agent.yaml."},
	{"upstream.no_url", "The agent's upstream has no URL: it only serves tokens.", "Give it a url in agent.yaml, or ask for its token at /token."},
	{"upstream.unreachable", "The agent could not reach the upstream, or its answer could not be read.", "See the answer's text, and whether the URL in agent.yaml is the right one."},
	{"upstream.failed", "The upstream could not be reached, or its answer could not be read.", "See the error in the gateway's log line, and whether the upstream listens at the URL in gateway.yaml."},
	{"upstream.timeout", "The upstream did not begin to answer in time.", "Find out why the upstream is slow, or raise its answer_timeout in gateway.yaml."},
	{"upstream.broken", "The answer of the upstream broke off in the middle.", "See the upstream's own log at the same time; the caller's connection was cut, so that nobody takes the answer for whole."},

	{"revocations.stale", "The gateway has not heard from the issuer for longer than the route allows, and so cannot know whether the token was revoked.", "Bring the connection to the issuer back; routes that may go on without say stale: allow."},

	{"store.unavailable", "The database does not answer.", "See /readyz and the server's log."},
	{"key.unavailable", "The tenant has no signing key for the algorithm yet; it is being made.", "Ask again as Retry-After says; if it lasts, see mintage key list."},
	{"key.active", "The key signs tokens now or soon, and all of them would end with those that it signed before.", "Kill the key with mintage key kill, so that another takes over, or rotate it first."},
	{"internal", "Something went wrong in the server.", "Find the trace id in the server's log."},

	{"token.missing", "The request carries no access token.", "Send the token in the header Authorization: Bearer."},
	{"token.malformed", "The access token or the header that carries it cannot be read.", "Send the token exactly as the token endpoint gave it, once."},
	{"token.expired", "The access token has expired.", "Get a new token, and renew it before it expires."},
	{"token.not_yet", "The access token is not valid yet.", "Compare the clocks of the issuer and of the API."},
	{"token.signature", "The signature of the access token does not match, or its algorithm is not allowed.", "Check that the token comes from the issuer that the API trusts and was not changed on the way."},
	{"token.kid_unknown", "The access token is signed by a key that its issuer does not publish.", "Get a new token; if it lasts, check that the API reads the issuer's current keys."},
	{"token.issuer", "The access token is from an issuer that the API does not trust.", "Get the token from the issuer that the API names."},
	{"token.audience", "The access token is for another resource server.", "Ask for a token with the resource that the API names."},
	{"token.scope", "The access token lacks a scope that the request needs.", "Ask for a token with that scope, and grant it to the client if it has to have it."},
	{"token.revoked", "The access token was revoked.", "Get a new token."},
	{"token.unknown", "No live token of the issuer has this value.", "Send a token that the tenant issued, whole and unchanged."},
	{"token.unavailable", "The agent has no token for the upstream and could not get one in time.", "See why in the answer's text; the agent tries again by itself."},
	{"token.queue_full", "As many requests as may already wait for the agent to get a token.", "Wait as long as Retry-After says, and look at the authorization server."},
	{"token.other_client", "The token was issued to another client.", "Use the credentials of the client that holds the token."},
	{"token.other_tenant", "The access token belongs to another tenant.", "Use the token of the tenant that the request is about."},
}
