// How people sign in, with a browser: a passkey from a virtual authenticator, a
// recovery code, and a command line that is paired. It prints what it did, and
// ends with 1 when anything was not as it should be.
import { chromium } from 'playwright-core'
import axe from 'axe-core'
import { createHmac } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const { CHROMIUM, SETUP_URL, CONSOLE, ADMIN } = process.env
const began = Date.now()
let failed = 0
const fail = (what) => { failed++; console.log('FAIL ' + what) }
const check = (ok, what) => { if (!ok) fail(what) }
const step = (what) => console.log(`${String(Date.now() - began).padStart(6)} ms  ${what}`)

// What an authenticator app shows for a key now (RFC 6238).
const code = (key) => {
  const bits = [...key].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('')
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000)))
  const mac = createHmac('sha1', Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)))).update(counter).digest()
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1e6).padStart(6, '0')
}

const profile = mkdtempSync(join(tmpdir(), 'mintage-people-'))
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: CHROMIUM, headless: true, acceptDownloads: true,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})
await browser.addInitScript(() => {
  window.__policy = []
  document.addEventListener('securitypolicyviolation', (e) => window.__policy.push(e.violatedDirective + ' ' + e.blockedURI))
})

// A device with a passkey, whose owner is there or not.
const device = async (page) => {
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', { options: {
    protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true,
  } })
  return {
    owner: (isUserVerified) => cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }),
    passkeys: async () => (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
  }
}
const audit = async (page, name) => {
  await page.evaluate(axe.source)
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 800 })
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme })
      const found = await page.evaluate(async (tags) => (await window.axe.run(document, { runOnly: tags, resultTypes: ['violations'] }))
        .violations.map((v) => v.id + ': ' + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 120)).join(' | ')), ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
      for (const v of found) fail(`axe ${name} ${width} ${colorScheme}: ${v}`)
    }
  }
  await page.setViewportSize({ width: 320, height: 700 })
  check(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), `${name} is wider than a window of 320`)
  await page.setViewportSize({ width: 1280, height: 800 })
  const policy = await page.evaluate(() => window.__policy)
  check(policy.length === 0, `policy broken at ${page.url()}: ${policy}`)
}
const cookie = async () => (await browser.cookies(CONSOLE)).find((c) => c.name === '__Host-mintage')
const signOut = async (page) => {
  await page.locator('.who summary').click()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.waitForURL(/sign-in/)
}
const dead = async (session, what) => {
  const res = await fetch(CONSOLE + '/account', { redirect: 'manual', headers: { Cookie: '__Host-mintage=' + session.value } })
  check(res.status === 303, `${what}: the session still answers ${res.status}`)
}

try {
  const page = await browser.newPage()
  page.on('console', (m) => { if (m.type() === 'error' && !/ 422 /.test(m.text())) fail(`console error at ${page.url()}: ${m.text()}`) })
  page.on('pageerror', (e) => fail(`script error at ${page.url()}: ${e.message}`))
  const mine = await device(page)

  // The first owner, by a password and an app.
  await page.goto(SETUP_URL)
  check(await page.getByRole('img', { name: 'The key as a QR code' }).isVisible(), 'the key is a picture')
  await page.getByLabel('E-mail address').fill('nia@example.com')
  await page.getByLabel('New password').fill('correct horse battery staple')
  await page.getByLabel('The same again').fill('correct horse battery staple')
  await page.getByLabel('Code that the app shows now').fill(code((await page.locator('.copy code').first().textContent()).trim()))
  await page.getByRole('button', { name: 'Make the owner' }).click()
  await page.waitForURL((u) => !/setup/.test(u.pathname))

  // A passkey on the account page.
  await page.goto(CONSOLE + '/account')
  await page.getByLabel(/^Name of a new passkey/).fill('Laptop')
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  await page.getByRole('cell', { name: 'Laptop', exact: true }).waitFor()
  const made = await mine.passkeys()
  check(made.length === 1 && made[0].isResidentCredential && made[0].rpId === 'localhost', `the device has ${JSON.stringify(made)}`)
  step('a passkey is registered on the account page')
  const first = await cookie()
  await signOut(page)
  await dead(first, 'signed out')

  // In by the passkey: not without its owner, and with a session of its own.
  await mine.owner(false)
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await page.getByText('The passkey was not used').waitFor()
  check(!(await cookie()), 'a passkey without its owner opens a session')
  await mine.owner(true)
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await page.waitForURL((u) => !/sign-in/.test(u.pathname))
  const second = await cookie()
  check(second && second.httpOnly && second.secure && second.sameSite === 'Strict' && second.value !== first.value, 'the session is a new one, and its cookie as it should be')
  check((await mine.passkeys())[0].signCount > made[0].signCount, 'the device counted the use')
  step('out, and in by the passkey')

  // Recovery codes: shown once, downloaded, and one of them used.
  await page.goto(CONSOLE + '/account')
  await page.getByRole('button', { name: 'Make recovery codes' }).click()
  const codes = await page.locator('#recovery-codes code').allTextContents()
  check(codes.length === 10 && new Set(codes).size === 10, `${codes.length} recovery codes`)
  await audit(page, 'recovery-codes')
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download' }).click()])
  const text = readFileSync(await file.path(), 'utf8')
  check(file.suggestedFilename() === 'mintage-recovery-codes.txt' && codes.every((c) => text.includes(c)), 'the download has the codes')
  await page.goto(CONSOLE + '/account')
  await page.getByText('10 recovery codes are left').waitFor()
  check(!(await page.content()).includes(codes[0]), 'recovery codes are shown once')
  await signOut(page)
  await dead(second, 'signed out of the passkey')
  await page.getByLabel('E-mail address').fill('nia@example.com')
  await page.getByLabel('Password').fill('correct horse battery staple')
  await page.getByLabel('Code from your app').fill(codes[4])
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.locator('.flash', { hasText: '9 are left' }).waitFor()
  step('a recovery code in the place of the app')

  // A command line is paired.
  const api = async (path, body, token) => {
    const res = await fetch(ADMIN + '/admin/v1' + path, {
      method: body ? 'POST' : 'GET', body: body && JSON.stringify(body),
      headers: { 'Content-Type': 'application/json', ...(token && { Authorization: 'Bearer ' + token }) },
    })
    return { status: res.status, ...(await res.json()) }
  }
  const pairing = await api('/pairings', { host: 'laptop' })
  await page.goto(pairing.verification_uri.replace('127.0.0.1', 'localhost'))
  await page.getByText(pairing.user_code, { exact: true }).waitFor()
  await audit(page, 'pair')
  check((await api('/pairings/redeem', { device_code: pairing.device_code })).status === 'pending', 'nobody confirmed yet')
  await page.getByRole('button', { name: /The code is the same/ }).click()
  await page.waitForURL(/account/)
  const paired = await api('/pairings/redeem', { device_code: pairing.device_code })
  check(paired.status === 'approved' && paired.self.operator.email === 'nia@example.com', `the command gets ${JSON.stringify(paired).slice(0, 200)}`)
  check((await api('/self', null, paired.session_token)).role === 'owner', 'the command is its operator')
  await page.goto(CONSOLE + '/account')
  await page.getByRole('row', { name: /laptop/ }).getByRole('button', { name: /^End/ }).click()
  await page.getByText('That session has ended').waitFor()
  check((await api('/self', null, paired.session_token)).code === 'session.ended', 'the command is signed out from the console')
  step('a command line is paired, and ended')
} catch (e) {
  fail(e.stack)
} finally {
  await browser.close()
  rmSync(profile, { recursive: true, force: true })
}
console.log(failed ? `${failed} failed` : 'all is as it should be')
process.exit(failed ? 1 : 0)
