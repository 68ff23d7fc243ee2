// Gets a token that is bound to a key, twice, and calls an API with it, by a
// library that knows nothing of ours. It prints what it got, as JSON.
import * as oauth from 'oauth4webapi'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, API_URL } = process.env
const insecure = { [oauth.allowInsecureRequests]: true } // the test's servers are on this machine
const issuer = new URL(ISSUER)
const as = await oauth.processDiscoveryResponse(
  issuer,
  await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure }),
)
const client = { client_id: CLIENT_ID }
const auth = oauth.ClientSecretBasic(CLIENT_SECRET)
const keys = await oauth.generateKeyPair('ES256')
const DPoP = oauth.DPoP(client, keys)
let nonces = 0

// again repeats what was refused for want of a nonce, once.
async function again(ask) {
  try {
    return await ask()
  } catch (err) {
    if (!oauth.isDPoPNonceError(err)) throw err
    nonces++
    return await ask()
  }
}

const token = () =>
  again(async () => {
    const parameters = new URLSearchParams({ scope: 'orders/read' })
    const res = await oauth.clientCredentialsGrantRequest(as, client, auth, parameters, { DPoP, ...insecure })
    return oauth.processClientCredentialsResponse(as, client, res)
  })
const got = [await token(), await token()]
const statuses = []
for (const t of got) {
  const res = await again(() =>
    oauth.protectedResourceRequest(t.access_token, 'GET', new URL(API_URL), new Headers(), null, { DPoP, ...insecure }),
  )
  statuses.push(res.status)
}
let refused = ''
try {
  const res = await oauth.clientCredentialsGrantRequest(as, client, auth, new URLSearchParams(), insecure)
  await oauth.processClientCredentialsResponse(as, client, res)
} catch (err) {
  refused = err.error
}
console.log(JSON.stringify({ types: got.map((t) => t.token_type), statuses, nonces, refused, algs: as.dpop_signing_alg_values_supported }))
