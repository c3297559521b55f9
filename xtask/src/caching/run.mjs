// Runs the npm package http-cache-tests against a cache, and counts as cache-tests.fyi does: a test whose
// dependencies did not pass is none that passed.
//
// node run.mjs BASE-URL MODULES-FOLDER REQUIRED-MIN OPTIMAL-MIN

const [base, modules, requiredMin, optimalMin] = process.argv.slice(2)
const suite = `${modules}/http-cache-tests`
const { runTests, getResults } = await import(`${suite}/client/runner.mjs`)
const { default: fetch } = await import(`${modules}/node-fetch/lib/index.mjs`)
const { default: groups } = await import(`${suite}/tests/index.mjs`)
const { default: surrogate } = await import(`${suite}/tests/surrogate-control.mjs`)

const all = [...groups, surrogate]
await runTests(all, fetch, false, base)
const results = getResults()
const tests = new Map(all.flatMap(group => group.tests.map(test => [test.id, test])))

function verdict (id) {
  const result = results[id]
  if (result === undefined) return 'not run'
  const { depends_on: needs = [] } = tests.get(id)
  if (needs.some(need => verdict(need) !== 'passed')) return 'needs another'
  if (result === true) return 'passed'
  return result[0] === 'Setup' ? 'not set up' : 'not passed'
}

const passed = { required: 0, optimal: 0, check: 0 }
const counted = { required: 0, optimal: 0, check: 0 }
const others = []
for (const [id, { kind = 'required' }] of tests) {
  const told = verdict(id)
  if (told === 'not run') continue
  counted[kind] += 1
  passed[kind] += told === 'passed' ? 1 : 0
  if (told !== 'passed' && kind !== 'check') {
    others.push(id)
    console.log(`${kind} ${id}: ${told}; ${results[id] === true ? '' : results[id][1]}`)
  }
}
const share = kind => `${kind} ${passed[kind]} of ${counted[kind]}`
console.log(`${share('required')}, ${share('optimal')}, ${share('check')} say yes`)
const good = passed.required >= Number(requiredMin) && passed.optimal >= Number(optimalMin)
if (good) {
  console.log(`${passed.required + passed.optimal} passed`)
} else {
  console.error(`error: expected at least ${requiredMin} required and ${optimalMin} optimal tests to pass; these did not: ${others.join(' ')}`)
}
process.exit(good ? 0 : 1)
