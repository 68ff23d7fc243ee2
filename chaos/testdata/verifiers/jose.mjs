// Reads an access token a line and says ok, or why not, a line. While its keys
// are younger than CACHE seconds it does not fetch them again, not even for a
// kid that it does not know (cooldownDuration).
import readline from 'node:readline'
import { createRemoteJWKSet, jwtVerify } from 'jose'

const { JWKS_URL, ISSUER, AUDIENCE, CACHE } = process.env
const life = Number(CACHE) * 1000
const make = () => createRemoteJWKSet(new URL(JWKS_URL), { cacheMaxAge: life, cooldownDuration: life })
let keys = make()
for await (const token of readline.createInterface({ input: process.stdin })) {
  if (life === 0) keys = make()
  try {
    await jwtVerify(token, keys, { issuer: ISSUER, audience: AUDIENCE, typ: 'at+jwt' })
    console.log('ok')
  } catch (e) {
    console.log('refused: ' + e.message.replaceAll('\n', ' '))
  }
}
