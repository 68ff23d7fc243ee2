package explain

// reproduction says who sees a reason, and how to bring it about.
type reproduction struct {
	kind kind
	text string
}

// reproductions has every code that this release raises. One that is not here
// is reserved.
var reproductions = map[string]reproduction{
	"ok": {kindWarning, "Ask for a token as [the tutorial](../../tutorial/first-token.md) does."},

	"param.ignored":   {kindWarning, "Send `scaope=orders/read` instead of `scope`: a token comes, and the header `Mintage-Warning: param.ignored; name=scaope`."},
	"param.missing":   {kindRefusal, "Send a token request without `grant_type`."},
	"param.repeated":  {kindRefusal, "Send `scope` twice in one body."},
	"param.malformed": {kindRefusal, "Send a JSON body in which `client_id` is a number."},
	"body.type":       {kindRefusal, "Send the body as `text/plain`."},
	"body.malformed":  {kindRefusal, "Send a form with `%zz` in it."},

	"grant.unsupported": {kindRefusal, "Send `grant_type=password`."},
	"grant.not_allowed": {kindRefusal, "Take `client_credentials` from the client's `grant_types`, and ask for a token with it."},

	"client.unknown":      {kindRefusal, "Ask with a `client_id` that does not exist."},
	"client.disabled":     {kindRefusal, "`mintage client disable CLIENT`, then ask with its right secret."},
	"client.other_tenant": {kindFound, "Ask the sandbox's token endpoint with the credentials of a client of production."},

	"auth.missing":            {kindRefusal, "Send a token request without credentials."},
	"auth.method_not_allowed": {kindRefusal, "`mintage client create NAME --auth private_key_jwt --jwks keys.json`, then ask with a secret."},
	"auth.basic_malformed":    {kindRefusal, "Send `Authorization: Basic !`."},
	"auth.not_urlencoded":     {kindFound, "Put a secret with a plus sign into a form without encoding it. A Basic header that was not encoded is served, with this as a warning."},
	"auth.encoded_twice":      {kindFound, "Encode a secret with special characters, and let the library encode it again."},
	"auth.whitespace":         {kindFound, "`echo \"$SECRET\" > secret`, and send what the file holds with the line break."},
	"auth.swapped":            {kindFound, "Send the secret as `client_id` and the identifier as `client_secret`."},
	"auth.two_methods":        {kindRefusal, "Send the secret in the header and in the body."},

	"secret.mismatch":     {kindRefusal, "Ask with a wrong secret."},
	"secret.truncated":    {kindFound, "Leave out the last character of a secret that Mintage made."},
	"secret.other_client": {kindFound, "Ask with the `client_id` of one client and the secret of another."},
	"secret.expired":      {kindRefusal, "Add a secret that expires in a minute, and use it after that."},
	"secret.revoked":      {kindRefusal, "`mintage client secret revoke`, then use the secret."},
	"secret.retired":      {kindRefusal, "`mintage client rotate CLIENT --overlap 1m`, and use the old secret after that."},
	"secret.paused":       {kindRefusal, "Pause a secret for a minute, and use it."},
	"secret.expiring":     {kindWarning, "Ask with a secret that ends within 14 days: the answer has `Mintage-Warning: secret.expiring`."},
	"secret.rotating":     {kindAdmin, "`mintage client rotate CLIENT` twice."},
	"secret.not_rotating": {kindAdmin, "Complete or cancel a rotation of a client that has none."},
	"secret.busy":         {kindRefusal, "Send many wrong secrets for clients with imported hashes at the same time."},
	"secret.limit":        {kindAdmin, "Add secrets to one client until it has as many as it may have."},
	"secret.last":         {kindAdmin, "Revoke the only secret of a client."},

	"assertion.malformed":        {kindRefusal, "Send a `client_assertion` without a `client_assertion_type`."},
	"assertion.subject":          {kindRefusal, "Send the assertion of one client with the `client_id` of another."},
	"assertion.alg":              {kindRefusal, "Sign with `HS256`."},
	"assertion.key_unknown":      {kindRefusal, "Sign with a key that was made a moment ago."},
	"assertion.keys_unavailable": {kindRefusal, "Register a `jwks_uri` at which nobody listens, and send an assertion."},
	"assertion.signature":        {kindRefusal, "Sign with another key under the `kid` of the one that is registered."},
	"assertion.audience":         {kindRefusal, "Set `aud` to the URL of the token endpoint. Where the client's ladder says warn or allow, it is served, with this as a note."},
	"assertion.expired":          {kindRefusal, "Send an assertion a minute after its `exp`."},
	"assertion.not_yet":          {kindRefusal, "Set `iat` to a minute from now."},
	"assertion.replayed":         {kindRefusal, "Send one assertion twice."},

	"scope.unknown":     {kindRefusal, "Ask for a scope that no resource server defines."},
	"scope.not_granted": {kindRefusal, "Ask for a scope of the API that the client has no grant for. A client that downscopes is served, with this as a warning."},
	"scope.empty":       {kindRefusal, "Ask without a scope with a client that has no `default_scope`."},
	"scope.malformed":   {kindRefusal, "Ask for a scope with a double quote in it."},
	"scope.ambiguous":   {kindRefusal, "Ask for a scope that two resource servers of the client's grants define, without `resource`."},
	"resource.unknown":  {kindRefusal, "Ask with `resource=https://nothing.example`."},
	"resource.several":  {kindRefusal, "Ask with two `resource` parameters with a client without `multi_audience`."},

	"ip.not_allowed":      {kindRefusal, "Set the client's `allow_from` to another network, and ask with its right secret."},
	"dialect.not_allowed": {kindRefusal, "Limit a client to the dialect rfc, and ask at the token path of another."},
	"query.credentials":   {kindRefusal, "Send `client_secret` in the URL. Where the client's ladder says warn or allow, it is served, with this as a note."},

	"request.too_large": {kindRefusal, "Send a body of more than 65536 bytes."},
	"request.method":    {kindRefusal, "Send a GET to the token endpoint."},
	"request.not_https": {kindRefusal, "Ask over plain HTTP from another machine."},
	"request.not_found": {kindRefusal, "Ask for `/nothing`."},

	"request.path":       {kindGateway, "`curl --path-as-is http://GATEWAY/orders/../orders/7`."},
	"request.host":       {kindGateway, "Send `Host: a b` through the gateway."},
	"request.header":     {kindGateway, "Ask forward auth with two values of `X-Original-Uri`."},
	"request.connection": {kindGateway, "Send `Connection: X-Client-Id` through the gateway."},
	"request.upgrade":    {kindGateway, "Send `Connection: Upgrade` with `Upgrade: foo` through the gateway."},
	"request.body":       {kindGateway, "Announce ten bytes to the gateway, send five and close."},

	"route.unknown": {kindGateway, "Ask the gateway for a path that gateway.yaml has no route for."},

	"proxy.unlisted": {kindGateway, "Ask forward auth from an address that is not in `forward_auth.proxies`."},
	"proxy.unknown":  {kindAgent, "`curl -x http://127.0.0.1:7070 http://nothing.example/`."},
	"proxy.connect":  {kindAgent, "`curl -x http://127.0.0.1:7070 https://api.example/`."},
	"proxy.request":  {kindGateway, "Ask forward auth without `X-Original-Uri`."},

	"object.not_found":         {kindAdmin, "`mintage client show NOBODY`."},
	"object.exists":            {kindAdmin, "Create a tenant under an identifier that is taken."},
	"object.changed":           {kindAdmin, "Send `If-Match` with an old version."},
	"idempotency.running":      {kindAdmin, "Send a request to the admin API twice at the same time under one `Idempotency-Key`."},
	"idempotency.reused":       {kindAdmin, "Send two different requests to the admin API under one `Idempotency-Key`."},
	"idempotency.done":         {kindAdmin, "Apply a plan of more than a mebibyte twice under one `Idempotency-Key`."},
	"object.invalid":           {kindAdmin, "Create a client without a name."},
	"object.built_in":          {kindAdmin, "Change the tenant `mintage`."},
	"object.in_use":            {kindAdmin, "Take a scope away that a client has a grant for."},
	"admin.last":               {kindAdmin, "`mintage client disable` with the only client of the tenant `mintage` that has the grant `*`."},
	"operator.last_owner":      {kindAdmin, "`mintage operator disable` with the only operator whose role is owner."},
	"invitation.other_person":  {kindAdmin, "Open the link of an invitation in the console while somebody else is signed in."},
	"session.ended":            {kindAdmin, "`mintage login`, end the session in the console under *Your account*, then `mintage whoami`."},
	"organization.not_granted": {kindAdmin, "As a member of an organization in the console, give a client a scope that the organization has no grant for."},
	"organization.limit":       {kindAdmin, "As a member of an organization with `max_clients: 1` in the console, add a second client."},
	"tenant.protected":         {kindAdmin, "Apply a change to a protected tenant without saying so."},

	"limit.client":  {kindRefusal, "Give a client `limits: { tokens_per_minute: 1 }`, and ask twice with its right secret."},
	"limit.ip":      {kindRefusal, "`mintage serve --limits-requests-per-minute 1`, and ask twice."},
	"limit.guess":   {kindRefusal, "Send 21 different wrong secrets for one client. Its right secret is served all the same if Mintage made it. At the gateway: 301 tokens that are not accepted."},
	"limit.route":   {kindGateway, "Give a route `rate: 1/m`, and ask twice."},
	"limit.streams": {kindAdmin, "Follow the revocations by more streams than the server takes."},

	"upstream.unwell":      {kindGateway, "Give an upstream a `health` path that answers 500."},
	"upstream.unknown":     {kindAgent, "Ask the agent for `/nothing/x`."},
	"upstream.no_url":      {kindAgent, "Ask the agent for a path of an upstream without `url`."},
	"upstream.unreachable": {kindAgent, "Stop the upstream."},
	"upstream.failed":      {kindGateway, "Stop the upstream."},
	"upstream.timeout":     {kindGateway, "Give an upstream `answer_timeout: 1s`, and let it sleep for two."},
	"upstream.broken":      {kindGateway, "Kill the upstream in the middle of an answer."},

	"revocations.stale": {kindGateway, "Give a route `stale: refuse`, and stop the issuer for longer than `max_stale`."},

	"store.unavailable": {kindRefusal, "Take the database away while the server runs."},
	"key.unavailable":   {kindRefusal, "Ask for a token in the moment in which the first key of its algorithm is made."},
	"key.active":        {kindAdmin, "`mintage token revoke --key KID` with a key that signs."},
	"internal":          {kindRefusal, "Nothing that a caller sends does this; please report it with the log line."},

	"cert.missing":  {kindVerifier, "Call an API without a certificate, with a token that is bound to one."},
	"cert.mismatch": {kindVerifier, "Call an API with another certificate than the token is bound to."},
	"dpop.required": {kindRefusal, "`mintage client edit CLIENT --dpop-bound`, and ask for a token without a DPoP proof."},
	"dpop.missing":  {kindVerifier, "Call an API with a token that is bound to a DPoP key, as `Authorization: Bearer`."},
	"dpop.invalid":  {kindProof, "Call an API, or ask for a token, with a DPoP proof for another URL."},
	"dpop.nonce":    {kindProof, "Call an API that demands nonces without one; or set `dpop_nonces` of the tenant, and ask for a token with a DPoP proof."},
	"dpop.replayed": {kindProof, "Send the same DPoP proof twice, to an API or to the token endpoint."},

	"token.missing":      {kindVerifier, "Call the admin API without a token."},
	"token.malformed":    {kindToken, "Call an API with `Authorization: Bearer x`."},
	"token.expired":      {kindToken, "Call an API with a token after its life."},
	"token.not_yet":      {kindVerifier, "Call an API whose clock is behind by more than the leeway."},
	"token.signature":    {kindToken, "Change a character of a token."},
	"token.kid_unknown":  {kindToken, "Call an API with a token that a key signed which is not published any more."},
	"token.issuer":       {kindToken, "Call the API of production with a token of the sandbox."},
	"token.audience":     {kindToken, "Call one API with a token for another."},
	"token.scope":        {kindVerifier, "Call a route with a token that lacks the route's scope."},
	"token.revoked":      {kindToken, "`mintage token revoke`, then introspect the token."},
	"token.unknown":      {kindToken, "Introspect a word that is no token."},
	"token.unavailable":  {kindAgent, "Stop the authorization server, start the agent, and ask."},
	"token.queue_full":   {kindAgent, "The same, with more requests than `queue` says."},
	"token.other_client": {kindRefusal, "Revoke the token of another client at the revocation endpoint."},
	"token.other_tenant": {kindAdmin, "Ask the admin API to make a tenant, with a token of an ordinary tenant."},
}
