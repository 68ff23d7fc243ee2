// node-oidc-provider as an issuer that is not ours, with a client for each way
// of authentication. It prints its issuer when it is ready.
// Environment: CLIENT_SECRET, CLIENT_JWK (public), LIFE in seconds, AUDIENCE.
import { createServer } from 'node:http'

import * as jose from 'jose'
import { Provider } from 'oidc-provider'

const { CLIENT_SECRET, CLIENT_JWK, LIFE, AUDIENCE } = process.env
const jwk = await jose.exportJWK((await jose.generateKeyPair('ES256', { extractable: true })).privateKey)
const client = (method, more) => ({
  client_id: method, grant_types: ['client_credentials'], redirect_uris: [], response_types: [],
  token_endpoint_auth_method: method, id_token_signed_response_alg: 'ES256', ...more,
})

// The port is known when it listens, and the issuer has to name it.
let serve
const server = createServer((req, res) => serve(req, res))
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`
  const provider = new Provider(issuer, {
    clients: [
      client('client_secret_basic', { client_secret: CLIENT_SECRET }),
      client('client_secret_post', { client_secret: CLIENT_SECRET }),
      client('private_key_jwt', { jwks: { keys: [JSON.parse(CLIENT_JWK)] } }),
    ],
    jwks: { keys: [{ ...jwk, alg: 'ES256', use: 'sig', kid: 'foreign' }] },
    scopes: ['orders/read'],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    features: {
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: 'orders/read', audience: AUDIENCE, accessTokenFormat: 'jwt', accessTokenTTL: Number(LIFE), jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
    ttl: { ClientCredentials: Number(LIFE) },
  })
  serve = provider.callback()
  console.log(issuer)
})
