// node-oidc-provider with its memory adapter and one client whose secret is kept
// as it is. The resource picks the format: urn:opaque, urn:ES256 or urn:RS256.
// Argument: port.
import * as jose from 'jose'
import { Provider } from 'oidc-provider'

const port = Number(process.argv[2])
const key = async (alg) => ({
  ...(await jose.exportJWK((await jose.generateKeyPair(alg, { extractable: true })).privateKey)), alg, use: 'sig', kid: alg,
})
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'bench', client_secret: 'bench-secret-0123456789', grant_types: ['client_credentials'],
    redirect_uris: [], response_types: [], token_endpoint_auth_method: 'client_secret_basic',
  }],
  jwks: { keys: [await key('ES256'), await key('RS256')] },
  scopes: ['orders/read'],
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: async () => true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_ctx, resource) => resource === 'urn:opaque'
        ? { scope: 'orders/read', accessTokenFormat: 'opaque', accessTokenTTL: 3600 }
        : { scope: 'orders/read', accessTokenFormat: 'jwt', accessTokenTTL: 3600, jwt: { sign: { alg: resource.slice(4) } } },
    },
  },
  ttl: { ClientCredentials: 3600 },
})
provider.listen(port, '127.0.0.1')
