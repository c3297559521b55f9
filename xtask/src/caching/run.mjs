// Runs the npm package http-cache-tests against a cache, and counts as cache-tests.fyi does: a test whose
// dependencies did not pass is none that passed. Tests of Surrogate-Control lie in the package, but are not in its index:
// they are counted apart.
//
// node run.mjs BASE-URL MODULES-FOLDER REQUIRED-MIN OPTIMAL-MIN SURROGATE-REQUIRED-MIN SURROGATE-OPTIMAL-MIN

const [base, modules, ...least] = process.argv.slice(2)
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

const others = []

function counted (part) {
  const counts = { required: [0, 0], optimal: [0, 0], check: [0, 0] }
  for (const { id, kind = 'required' } of part.flatMap(group => group.tests)) {
    const told = verdict(id)
    if (told === 'not run') continue
    counts[kind][0] += told === 'passed' ? 1 : 0
    counts[kind][1] += 1
    if (told !== 'passed' && kind !== 'check') {
      others.push(id)
      console.log(`${kind} ${id}: ${told}; ${results[id] === true ? '' : results[id][1]}`)
    }
  }
  return counts
}

let good = true
let sum = 0
for (const [name, part, mins] of [['index', groups, least.slice(0, 2)], ['surrogate-control', [surrogate], least.slice(2)]]) {
  const counts = counted(part)
  const share = kind => `${kind} ${counts[kind].join(' of ')}`
  console.log(`${name}: ${share('required')}, ${share('optimal')}, ${share('check')} say yes`)
  for (const [place, kind] of ['required', 'optimal'].entries()) {
    good &&= Number(mins[place]) <= counts[kind][0]
    sum += counts[kind][0]
  }
}
if (good) {
  console.log(`${sum} passed`)
} else {
  console.error(`error: expected at least ${least.join(', ')} tests to pass; these did not: ${others.join(' ')}`)
}
process.exit(good ? 0 : 1)
