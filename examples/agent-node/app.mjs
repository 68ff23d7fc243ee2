// A program that calls an API with nothing about OAuth in it: the agent puts the
// token on each request. It prints what became of its calls as one line of JSON.
//
//   API=http://127.0.0.1:7070/orders RATE=200 SECONDS=10 node app.mjs
const { API = "http://127.0.0.1:7070/orders", RATE = "200", SECONDS = "10" } = process.env

const result = { calls: 0, failed: 0, errors: [] }

async function call(n) {
  result.calls++
  const order = JSON.stringify({ order: n })
  try {
    // Every other call has a body, which must arrive whole however often it is sent.
    const answer = await fetch(`${API}/orders/${n}`, n % 2 ? { method: "POST", body: order } : {})
    const text = await answer.text()
    if (answer.status !== 200) throw new Error(`${answer.status} ${text.slice(0, 200)}`)
    if (n % 2 && !text.includes(JSON.stringify(order).slice(1, -1))) throw new Error(`another body came back: ${text.slice(0, 200)}`)
  } catch (err) {
    result.failed++
    if (result.errors.length < 5) result.errors.push(String(err.cause ?? err))
  }
}

// The schedule does not wait for answers, as callers of a service do not.
const began = performance.now()
const last = began + 1000 * Number(SECONDS)
const running = new Set()
for (let n = 0; performance.now() < last; n++) {
  const one = call(n).finally(() => running.delete(one))
  running.add(one)
  const wait = began + (1000 * (n + 1)) / Number(RATE) - performance.now()
  if (wait > 0) await new Promise((done) => setTimeout(done, wait))
}
await Promise.all(running)
console.log(JSON.stringify(result))
