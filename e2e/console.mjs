// The walk through the console. It prints what it did, and ends with 1 when
// anything was not as it should be.
import { chromium } from 'playwright-core'
import axe from 'axe-core'
import { createHmac } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const { CHROMIUM, SETUP_URL, CONSOLE, ISSUER, SAMPLE_PY, SAMPLE_JS, SHOTS } = process.env
const API = 'https://api.saas.example.com'
// Text that would run where it is not escaped; and the same without blanks and
// quotes, for names that have none.
const evil = `"><img src=x onerror="window.__ran=1"><script>window.__ran=2</script>`
const evilWord = '<img/src=x/onerror=window.__ran=3>'
const began = Date.now()
let failed = 0
const fail = (what) => { failed++; console.log('FAIL ' + what) }
const check = (ok, what) => { if (!ok) fail(what) }
const step = (what) => console.log(`${String(Date.now() - began).padStart(6)} ms  ${what}`)

// A code of an authenticator app (RFC 6238), so many steps from now.
const code = (secret, ahead = 0) => {
  const bits = [...secret.replace(/\s|=/g, '')].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c.toUpperCase()).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + ahead))
  const mac = createHmac('sha1', key).update(counter).digest()
  const at = mac[19] & 15
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1e6).padStart(6, '0')
}

const profile = mkdtempSync(join(tmpdir(), 'mintage-e2e-'))
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: CHROMIUM, headless: true, viewport: { width: 1280, height: 800 },
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})

// watch notes what no page may do: log an error, break the policy, run what was
// typed in as text.
const watch = async (context) => {
  await context.addInitScript(() => {
    window.__policy = []
    document.addEventListener('securitypolicyviolation', (e) => window.__policy.push(e.violatedDirective + ' ' + e.blockedURI))
  })
  context.on('page', (page) => {
    page.on('console', (m) => { if (m.type() === 'error') fail(`console error at ${page.url()}: ${m.text()}`) })
    page.on('pageerror', (e) => fail(`script error at ${page.url()}: ${e.message}`))
    page.on('dialog', (d) => { if (d.type() !== 'beforeunload') fail(`a dialog at ${page.url()}: ${d.message()}`); d.dismiss().catch(() => {}) })
  })
}
const quiet = async (page) => {
  const seen = await page.evaluate(() => ({ policy: window.__policy, ran: window.__ran }))
  check(seen.policy.length === 0, `policy broken at ${page.url()}: ${seen.policy}`)
  check(seen.ran === undefined, `text ran as script at ${page.url()}`)
}
const cookies = async (context) => (await context.cookies(CONSOLE)).map((c) => c.name + '=' + c.value).join('; ')
const shot = async (page, name) => {
  if (!SHOTS) return
  mkdirSync(SHOTS, { recursive: true })
  await page.screenshot({ path: join(SHOTS, name + '.png'), fullPage: true })
}

// axe on what is shown, light and dark, wide and narrow; and nothing is wider
// than the window, down to 320 pixels.
const audit = async (page, name) => {
  await page.evaluate(axe.source) // not by a script element, which the policy forbids
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 800 })
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme })
      const violations = await page.evaluate(async (tags) => {
        const { violations } = await window.axe.run(document, { runOnly: tags, resultTypes: ['violations'] })
        return violations.map((v) => v.id + ': ' + v.nodes.slice(0, 3).map((n) => n.target + ' ' + n.html.slice(0, 120)).join(' | '))
      }, ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
      for (const v of violations) fail(`axe ${name} ${width} ${colorScheme}: ${v}`)
      await shot(page, `${name}-${width}-${colorScheme}`)
    }
  }
  await page.setViewportSize({ width: 320, height: 700 })
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
  check(wide <= 0, `${name} is ${wide} pixels wider than a window of 320`)
  await page.setViewportSize({ width: 1280, height: 800 })
  await page.emulateMedia({ colorScheme: 'light' })
  await quiet(page)
}

// enrol fills in the form of a one-time link: password and app.
const enrol = async (page, url, { email, name, password }) => {
  await page.goto(url)
  if (email) await page.getByLabel('E-mail address').fill(email)
  await page.getByLabel(/^Name/).fill(name)
  await page.getByLabel('New password').fill(password)
  await page.getByLabel('The same again').fill(password)
  const secret = (await page.locator('.copy code').first().textContent()).trim()
  await page.getByLabel('Code that the app shows now').fill(code(secret))
  await page.getByRole('button', { name: /Make the owner|Accept/ }).click()
  await page.waitForURL((u) => !/setup|invitation/.test(u.pathname))
  return secret
}

// tabTo presses Tab until what has the focus is called so: as somebody does who
// has no mouse.
const tabTo = async (page, name) => {
  for (let i = 0; i < 90; i++) {
    await page.keyboard.press('Tab')
    const at = await page.evaluate(() => {
      const el = document.activeElement
      return ((el.labels && el.labels[0] && el.labels[0].textContent) || el.getAttribute('aria-label') || el.textContent || '').trim()
    })
    if (at.startsWith(name)) return true
  }
  fail(`the keyboard does not reach “${name}” at ${page.url()}`)
  return false
}

try {
  await watch(browser)
  const owner = await browser.newPage()

  // First run.
  await owner.goto(SETUP_URL)
  await audit(owner, 'setup')
  const secret = await enrol(owner, SETUP_URL, { email: 'olga@example.com', name: 'Olga Owner', password: 'correct horse battery staple' })
  step('first run: the owner is made and signed in')
  const second = await browser.request.get(SETUP_URL, { maxRedirects: 0 })
  check(second.status() === 404, `the setup link works twice: ${second.status()}`)

  // Sign out ends the session, also for who kept the cookie.
  await owner.goto(CONSOLE + '/t/saas/overview')
  const kept = (await browser.cookies(CONSOLE)).find((c) => c.name === '__Host-mintage')
  check(kept && kept.httpOnly && kept.secure && kept.sameSite === 'Strict', 'the session cookie is as it should be')
  await owner.locator('.who summary').click()
  await owner.getByRole('button', { name: 'Sign out' }).click()
  await owner.waitForURL(/sign-in/)
  const old = await fetch(CONSOLE + '/t/saas/clients', { redirect: 'manual', headers: { Cookie: '__Host-mintage=' + kept.value } })
  check(old.status === 303, `a session that was signed out still answers ${old.status}`)
  await audit(owner, 'sign-in')

  // Sign in by password and code.
  await owner.getByLabel('E-mail address').fill('olga@example.com')
  await owner.getByLabel('Password').fill('correct horse battery staple')
  await owner.getByLabel('Code from your app').fill(code(secret, 1))
  await owner.getByRole('button', { name: 'Sign in', exact: true }).click()
  await owner.waitForURL(/overview/)
  const fresh = (await browser.cookies(CONSOLE)).find((c) => c.name === '__Host-mintage')
  check(fresh.value !== kept.value, 'signing in gives another session')
  step('signed out, and in by password and code')

  // Invite a customer's developer.
  await owner.goto(CONSOLE + '/t/saas/operators/invite')
  await owner.getByLabel('E-mail address').fill('ada@acme.example')
  await owner.getByLabel('Role').selectOption('developer')
  await owner.getByLabel('Of', { exact: true }).selectOption('acme')
  await owner.getByRole('button', { name: 'Make the link' }).click()
  const invitation = (await owner.locator('#one-time-link').textContent()).trim().replace('127.0.0.1', 'localhost')

  // Seed 004, word for word: log in, the API client tab, Add Client, a friendly
  // name, Create Client, and there are the id and the secret.
  const theirs = await browser.browser()?.newContext({ userAgent: evil }) ?? await (await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] })).newContext({ userAgent: evil })
  await watch(theirs)
  const ada = await theirs.newPage()
  await enrol(ada, invitation, { name: evil, password: 'another long password' })
  await ada.getByRole('link', { name: 'API client' }).first().click()
  await ada.getByRole('link', { name: 'Add Client' }).first().click()
  await ada.getByLabel('Friendly name').fill('Front desk sync')
  await ada.getByRole('button', { name: 'Create Client' }).click()
  await ada.locator('#the-secret').waitFor()
  const made = { id: (await ada.locator('.secret .copy code').first().textContent()).trim(), secret: (await ada.locator('#the-secret').textContent()).trim() }
  check(/^mc_[A-Za-z0-9]{16}$/.test(made.id) && /^mint_test_[A-Za-z0-9]{49}$/.test(made.secret), 'an id and a secret are shown')
  await audit(ada, 'reveal')
  await ada.getByRole('button', { name: 'Verify it now' }).click()
  await ada.getByText('It works.', { exact: true }).waitFor()
  await ada.keyboard.press('Escape')
  check(await ada.locator('#the-secret').isVisible(), 'Escape does not close what shows a secret')
  await ada.getByLabel('I have stored the secret').check()
  await ada.getByRole('button', { name: 'Done' }).click()
  await ada.waitForURL(/clients\/mc_/)
  check(!(await ada.content()).includes(made.secret), 'the secret is shown once')
  step('seed 004: a client of the customer')

  const dir = mkdtempSync(join(tmpdir(), 'mintage-seed-'))
  const fill = (text) => text.replaceAll('Your-Client-ID', made.id).replaceAll('Your-Client-Secret', made.secret).replaceAll("'auth_url'", `'${ISSUER}/oauth2/token'`)
  writeFileSync(join(dir, 'sample.py'), fill(SAMPLE_PY))
  writeFileSync(join(dir, 'sample.mjs'), fill(SAMPLE_JS))
  for (const [command, file] of [['/usr/bin/python3', 'sample.py'], [process.execPath, 'sample.mjs']]) {
    const out = execFileSync(command, [join(dir, file)], { encoding: 'utf8' })
    check(/^Access Token: eyJ/.test(out), `${file} of the seed printed ${out.slice(0, 100)}`)
  }
  // And the four programs that the console itself shows.
  const shown = await ada.locator('pre[id^=snippet]').allTextContents()
  check(shown.length === 4, `${shown.length} programs are shown`)
  const programs = [['sh', 'a.sh'], ['/usr/bin/python3', 'a.py'], [process.execPath, 'a.mjs']]
  for (const [i, [command, file]] of programs.entries()) {
    writeFileSync(join(dir, file), shown[i].replaceAll('YOUR_CLIENT_SECRET', made.secret))
    const out = execFileSync(command, [join(dir, file)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    check(/eyJ/.test(out), `the program ${file} printed ${out.slice(0, 100)}`)
  }
  mkdirSync(join(dir, 'go'))
  writeFileSync(join(dir, 'go', 'main.go'), shown[3].replaceAll('YOUR_CLIENT_SECRET', made.secret))
  check(/eyJ/.test(execFileSync('go', ['run', join(dir, 'go', 'main.go')], { encoding: 'utf8' })), 'the program in Go printed no token')
  rmSync(dir, { recursive: true })
  step('the samples of the seed and the programs of the console get tokens')

  // Rotate with an overlap: the old secret goes on, and its last use moves.
  await ada.goto(CONSOLE + `/t/saas/clients/${made.id}/rotate`)
  await ada.getByLabel('Old secrets work for').selectOption('1h')
  await ada.getByRole('button', { name: 'Rotate', exact: true }).click()
  await ada.locator('#the-secret').waitFor()
  check((await ada.locator('#the-secret').textContent()).trim() !== made.secret, 'rotating gives another secret')
  await ada.getByLabel('I have stored the secret').check()
  await ada.getByRole('button', { name: 'Done' }).click()
  await ada.waitForURL(/credentials/)
  const lastUse = async () => {
    const page = await (await fetch(ada.url(), { headers: { Cookie: await cookies(theirs) } })).text()
    const row = page.match(/<tr id="sec_[^]*?<\/tr>/g).find((r) => r.includes('retiring'))
    const cell = row.split('data-label="Last used"')[1].split('</td>')[0]
    return { at: cell.match(/datetime="([^"]+)"/)?.[1], from: cell.match(/by ([0-9.:a-f]+)/)?.[1] }
  }
  const used = await lastUse()
  await ada.waitForTimeout(Math.max(0, 1100 - (Date.now() - Date.parse(used.at)))) // it is kept by the second
  const again = await fetch(ISSUER + '/oauth2/token', {
    method: 'POST', headers: { Authorization: 'Basic ' + btoa(made.id + ':' + made.secret) }, body: new URLSearchParams({ grant_type: 'client_credentials' }),
  })
  check(again.status === 200, `the old secret was answered ${again.status}`)
  let moved = used
  for (let i = 0; i < 100 && moved.at === used.at; i++) {
    await ada.waitForTimeout(100)
    moved = await lastUse()
  }
  check(Date.parse(moved.at) > Date.parse(used.at) && moved.from === '127.0.0.1', `the old secret was last used ${used.at} and then ${moved.at} by ${moved.from}`)
  step(`the old secret's last use moved from ${used.at} to ${moved.at}`)

  // Nothing else is there for the customer.
  for (const path of ['/t/production/clients', '/t/saas/apis', '/t/saas/settings', '/t/mintage/clients', '/t/saas/organizations', '/t/saas/token', '/t/saas/audit']) {
    const res = await fetch(CONSOLE + path, { redirect: 'manual', headers: { Cookie: await cookies(theirs) } })
    check(res.status === 404, `${path} answers a customer ${res.status}`)
  }

  // Live tail: a wrong secret shows with its reason within two seconds.
  await owner.goto(CONSOLE + '/t/saas/requests')
  await owner.getByRole('button', { name: 'Live tail' }).click()
  await owner.waitForTimeout(300)
  // A machine that does other things too may be late once, and not three times.
  let took, row
  for (let i = 0; i < 3 && !(took <= 2000); i++) {
    const asked = Date.now()
    const id = i ? 'mc_nobody' + i : made.id
    const refused = await fetch(ISSUER + '/oauth2/token', {
      method: 'POST', headers: { Authorization: 'Basic ' + btoa(id + ':' + made.secret + '%0A') }, body: new URLSearchParams({ grant_type: 'client_credentials' }),
    })
    check(refused.status >= 400, `a wrong secret was answered ${refused.status}`)
    row = owner.locator('#rows tr', { hasText: id }).filter({ hasText: 'invalid_client' }) // and not a token of the same client
    await row.first().waitFor({ timeout: 10000 })
    took = Date.now() - asked
  }
  check(took <= 2000, `the refusal took ${took} ms to show`)
  step(`a refusal showed after ${took} ms: ${(await row.first().locator('td').nth(3).innerText()).replace(/\s+/g, ' ')}`)
  await row.first().getByRole('link').click()
  await owner.getByRole('heading', { name: 'What to do' }).waitFor()
  await audit(owner, 'request')

  // By keyboard alone: create, reveal, rotate, revoke.
  await owner.goto(CONSOLE + '/t/saas/overview')
  await owner.keyboard.press('g')
  await owner.keyboard.press('c')
  await owner.waitForURL(/clients$/)
  await owner.keyboard.press('c')
  await owner.locator('#dialog #f-name').waitFor()
  await owner.keyboard.type('Keyboard client')
  await owner.keyboard.press('Enter')
  await owner.locator('#the-secret').waitFor()
  await tabTo(owner, 'I have stored the secret')
  await owner.keyboard.press('Space')
  await tabTo(owner, 'Done')
  await owner.keyboard.press('Enter')
  await owner.waitForURL(/clients\/mc_/)
  await tabTo(owner, 'Rotate secret')
  await owner.keyboard.press('Enter')
  await owner.locator('#dialog #f-overlap').waitFor()
  await audit(owner, 'rotate')
  await tabTo(owner, 'Rotate')
  await owner.keyboard.press('Enter')
  await owner.locator('#the-secret').waitFor()
  await tabTo(owner, 'I have stored the secret')
  await owner.keyboard.press('Space')
  await tabTo(owner, 'Done')
  await owner.keyboard.press('Enter')
  await owner.waitForURL(/credentials/)
  check(await owner.getByText('retiring').first().isVisible(), 'the old secret retires')
  await owner.locator('tbody tr').nth(1).getByRole('link', { name: /Revoke/ }).focus()
  await owner.keyboard.press('Enter')
  await owner.locator('#dialog .danger').waitFor()
  await audit(owner, 'revoke')
  await tabTo(owner, 'Revoke')
  await owner.keyboard.press('Enter')
  await owner.locator('.flash', { hasText: 'is revoked' }).waitFor()
  const keyboard = owner.url().match(/mc_[A-Za-z0-9]+/)[0]
  step('create, reveal, rotate and revoke by keyboard')

  // Text that would run, in every field that takes any; TestEveryField holds that
  // none is forgotten.
  const post = async (path, form) => {
    const res = await fetch(CONSOLE + path, {
      method: 'POST', redirect: 'manual', body: new URLSearchParams(form),
      headers: { Cookie: await cookies(browser), Origin: new URL(CONSOLE).origin, 'Sec-Fetch-Site': 'same-origin' },
    })
    const text = await res.text()
    check(res.status < 400 && !/sign-in/.test(res.headers.get('Location')), `${path} with hostile text answers ${res.status}: ${text.match(/role="alert">([^<]*)/)?.[1]} ${text.match(/class="error">([^<]*)/)?.[1]}`)
    return text
  }
  const api = 'https://evil.example/' + evilWord
  await post('/t/saas/organizations', { id: 'evil', name: evil, grant: API + ' api/write' })
  await post('/t/saas/apis', { identifier: api, name: 'evil', prefix: evilWord, scopes: evilWord + ' ' + evil })
  const victim = (await post('/t/saas/clients', { name: evil, organization: 'evil', grant: api + ' ' + evilWord, labels: 'team=' + evil.slice(0, 40) })).match(/mc_[A-Za-z0-9]{16}/)[0]
  await post(`/t/saas/clients/${victim}/secrets`, { secret_name: evil.slice(0, 60) })
  await post('/t/saas/clients', { name: evil, new_api: 'https://new.example/' + evilWord, new_scopes: evilWord + ' ' + evil })
  await post(`/t/saas/clients/${keyboard}/disable`, { reason: evil })
  await post('/t/saas/operators/invite', { email: 'evil@acme.example', name: evil, role: 'viewer', organization: 'evil' })
  for (const grant of [evil, 'client_credentials']) {
    await fetch(ISSUER + '/oauth2/token', {
      method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'User-Agent': evil },
      body: new URLSearchParams({ grant_type: grant, client_id: evilWord, client_secret: 'x', scope: evilWord, '<script>': '1', [evil]: evil }),
    })
  }
  const visit = async (path) => {
    const res = await owner.goto(CONSOLE + path)
    check(res.status() === 200, `${path} answers ${res.status()}`)
    await quiet(owner)
  }
  const person = (await (await fetch(CONSOLE + '/t/saas/operators', { headers: { Cookie: await cookies(browser) } })).text())
    .match(/<a href="\/console\/t\/saas\/operators\/(op_\w+)"><strong>[^<]*img/)[1]
  const at = `/t/saas/clients/${victim}`
  const q = encodeURIComponent(evil)
  for (const path of [
    at, ...['credentials', 'access', 'requests', 'tokens', 'settings', 'audit', 'rotate', 'disable', 'delete', 'tokens/revoke'].map((t) => at + '/' + t),
    '/t/saas/apis', '/t/saas/apis/' + encodeURIComponent(api), '/t/saas/apis/' + encodeURIComponent(api) + '/delete', '/t/saas/organizations/evil/delete',
    '/t/saas/operators/' + person, `/t/saas/operators/${person}/sign-out`, '/t/saas/operators/invite', `/t/saas/clients?q=${q}`, `/t/saas/requests?client=${q}&address=${q}&trace=${q}`,
    `/t/saas/audit?target=${q}&actor=${q}`, `/t/saas/config?from=${q}`, `/t/saas/usage?client=${q}&api=${q}&scope=${q}`, `/t/saas/token/revoke?jti=${q}&client=${q}`,
  ]) await visit(path)
  for (const n of [0, 1]) {
    await owner.goto(CONSOLE + '/t/saas/requests?outcome=refused&span=15m')
    await quiet(owner)
    await owner.locator('#rows a').nth(n).click()
    await owner.getByRole('heading', { name: 'Request', exact: true }).waitFor()
    await quiet(owner)
  }
  const part = (o) => Buffer.from(JSON.stringify(o)).toString('base64url')
  await owner.goto(CONSOLE + '/t/saas/token')
  await owner.getByLabel('Token').fill(`${part({ alg: 'ES256', kid: evil })}.${part({ iss: evil, client_id: evil, [evil]: evil })}.x`)
  await owner.getByRole('button', { name: 'Look at it' }).click()
  await owner.getByRole('heading', { name: 'Claims' }).waitFor()
  await quiet(owner)
  await owner.goto(CONSOLE + '/t/saas/config')
  await owner.getByLabel('YAML').fill(`apiVersion: mintage/v1\nclients:\n  - {id: pasted, name: ${JSON.stringify(evil)}, tenants: [saas]}\n`)
  await owner.getByRole('button', { name: 'Show the plan' }).click()
  await owner.getByRole('button', { name: 'Apply this plan' }).click()
  await owner.locator('.flash').waitFor()
  await quiet(owner)
  await owner.goto(CONSOLE + '/t/saas/import')
  await owner.getByLabel('From').selectOption('hydra')
  await owner.getByLabel('Export').fill(JSON.stringify({ client_id: 'imported', client_name: evil, grant_types: ['client_credentials'], scope: 'a' }) + JSON.stringify({ client_id: evil, client_name: evil }))
  await owner.getByLabel('API of scopes').fill('https://imported.example/' + evilWord)
  await owner.getByRole('button', { name: 'Show the plan' }).click()
  await owner.getByRole('heading', { name: 'What becomes of each' }).waitFor()
  await audit(owner, 'import')
  await owner.getByRole('button', { name: 'Import', exact: true }).click()
  await owner.locator('.flash').waitFor()
  await quiet(owner)
  await ada.goto(CONSOLE + '/account') // whose name and browser are hostile too
  await quiet(ada)
  step('hostile text, in every field')

  // Every screen.
  const client = `clients/${made.id}`
  for (const path of [
    'overview', 'clients', 'clients/new', client, client + '/credentials', client + '/access', client + '/requests', client + '/tokens',
    client + '/settings', client + '/audit', `clients/${keyboard}`, 'apis', 'apis/' + encodeURIComponent(API), 'keys', 'requests', 'token', 'organizations',
    'organizations/evil', 'audit', 'config', 'import', 'settings', 'apis/' + encodeURIComponent(API) + '/delete', 'usage', 'operators',
  ]) {
    const res = await owner.goto(CONSOLE + '/t/saas/' + path)
    check(res.status() === 200, `${path} answers ${res.status()}`)
    await audit(owner, path.replace(made.id, 'x').replace(keyboard, 'disabled').replaceAll('/', '-').replace(/https.*/, 'x'))
  }
  await owner.goto(CONSOLE + '/t/production/clients')
  await audit(owner, 'production')
  await owner.goto(CONSOLE + '/account')
  await audit(owner, 'account')
  for (const page of ['reference', 'reference/organizations']) {
    await owner.goto(CONSOLE + '/' + page)
    await audit(owner, page.replace('/', '-'))
  }
  step('every screen, light and dark, wide and narrow')

  // Without a script: the list, a search and the form.
  const plain = await (theirs.browser()).newContext({ javaScriptEnabled: false })
  await plain.addCookies(await theirs.cookies())
  const page = await plain.newPage()
  await page.goto(CONSOLE + '/t/saas/clients?q=front')
  await page.getByRole('link', { name: 'Front desk sync' }).waitFor()
  await page.getByRole('link', { name: 'Add Client' }).click()
  await page.getByLabel('Friendly name').fill('Without a script')
  await page.getByRole('button', { name: 'Create Client' }).click()
  await page.locator('#the-secret').waitFor()
  step('without a script')
} catch (e) {
  fail(e.stack)
} finally {
  await browser.close()
  rmSync(profile, { recursive: true, force: true })
}
console.log(failed ? `${failed} failed` : 'all is as it should be')
process.exit(failed ? 1 : 0)
