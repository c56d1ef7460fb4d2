// Which test runs each sample and each command of the pages. One without a row fails readme.test.ts. curl.test.ts runs every curl.

/** A test, and what it says where it runs something. */
type RunBy = readonly [file: string, says: string]

/** The files that samples are taken from, with the test that runs each. */
export const SAMPLES: Readonly<Record<string, RunBy>> = {
  'examples/account.ts': ['account.test.ts', "'examples/account.ts'"],
  'examples/changed-events.ts': ['samples.test.ts', "'./changed-events.ts'"],
  'examples/changed-process.ts': ['docs.processes.test.ts', "run('bun examples/changed-process.ts'"],
  'examples/deciding.ts': ['deciding.test.ts', "'./deciding.ts'"],
  'examples/marketplace/fulfilment.ts': ['fulfilment.test.ts', "'main.ts'"],
  'examples/marketplace/order.test.ts': ['order.test.ts', 'an order that is paid is shipped'],
  'examples/marketplace/views.ts': ['curl.test.ts', "'examples/marketplace/main.ts'"],
  'examples/mounted.ts': ['mounted.processes.test.ts', "'mounted.ts'"],
  'examples/processor.ts': ['samples.test.ts', "'./processor.ts'"],
  'examples/relays.ts': ['relays.servers.test.ts', "'relays.ts'"],
  'examples/schedules.ts': ['samples.test.ts', "'./schedules.ts'"],
  'examples/secured/jwt-roles.ts': ['jwt-roles.test.ts', "'./jwt-roles.ts'"],
  'examples/without-http.ts': ['docs.processes.test.ts', "run('bun examples/without-http.ts'"],
}

/** Verbs that docs.processes.test.ts runs beside the marketplace, in this order, with what each prints. */
export const VERBS: Readonly<Record<string, RegExp>> = {
  '… migrate': /nothing to do/,
  '… health': /^$/,
  '… streams order': /order-o1/,
  '… replay order-o1 --at 3': /Placed/,
  '… events --follow --type order.Placed': /Placed/,
  '… processes fulfilment o1': /"isOver": true/,
  '… agenda': /to be sent/,
  '… timers': /timer/,
  '… parked': /nothing is parked/,
  '… audit orders': /0 differ/,
  '… rebuild orders': /orders_v1/,
  '… reset orders': /orders_v1/,
  '… verify': /11 events/,
  '… doctor': /epoch 1/,
  '… doctor --prove': /promises tried/,
  '… imports': /no import is unfinished/,
  '… export log.jsonl': /events exported to log\.jsonl/,
  '… processes preview fulfilment': /fulfilment would send \d+ commands/,
  '… processes resume fulfilment o1 --close': /the instance ends here/,
}

/** All other commands. Some take long or need Debian's servers; the short form of `.ci/run` stands for those. */
export const ELSEWHERE: Readonly<Record<string, RunBy>> = {
  'npx -y bun@1.4.5 install --frozen-lockfile && npx -y bun@1.4.5 run start': ['docs.processes.test.ts', "'run', 'start'"],
  'bun examples/fines/main.ts import examples/fines/sample.csv --map fines': [
    'docs.processes.test.ts',
    'import examples/fines/sample.csv --map fines',
  ],
  '… imports end NAME': ['importing.test.ts', "words: ['end', name]"],
  '… import fines.csv --map fines': ['docs.processes.test.ts', 'import fines.csv --map fines'],
  'bun examples/fines/main.ts': ['docs.processes.test.ts', "'examples/fines/main.ts'"],
  'bun examples/without-http.ts': ['docs.processes.test.ts', "run('bun examples/without-http.ts'"],
  'bun examples/changed-process.ts': ['docs.processes.test.ts', "run('bun examples/changed-process.ts'"],
  'bun --cpu-prof bench/profile.ts W2': ['docs.processes.test.ts', "run('bun --cpu-prof bench/profile.ts W2"],
  'npx -y bun@1.4.5 install --frozen-lockfile && npx -y bun@1.4.5 run test': [
    '.ci/run',
    "grep -E '^npx .* run test( |$)' README.md",
  ],
  'bun run test': ['.ci/run', 'run test( |$)'],
  'bun run check': ['.ci/run', 'check bun run types'],
  'bun run test:servers': ['.ci/run', 'check bun run test:servers'],
  'bun run test:processes': ['.ci/run', 'check bun run test:processes'],
  'bun run test:races': ['.ci/run', 'check bun run test:races'],
  'bun run bench --cells W1,W2 --variants 1,256 --systems emaki --seconds 1': ['.ci/run', 'check bun run bench --cells W1,W2'],
  '.ci/run': ['.ci/run', 'check() {'],
  'RACES=long bun run test:races': ['form.ts', "process.env['RACES'] === 'long'"],
  'FUZZ_REQUESTS=2000000 bun test routes/fuzz.test.ts': ['fuzz.test.ts', "process.env['FUZZ_REQUESTS']"],
  'bun run torture': ['torture.test.ts', 'runs one round of each fault'],
  'bun run torture --rounds 20 --seed 7': ['torture.test.ts', "'--rounds', '2', '--seed', '7'"],
  'bun pm pack': ['deploy/npm/package.processes.test.ts', "'pm', 'pack'"],
  'npm pack': ['deploy/npm/package.processes.test.ts', "'npm', 'pack'"],
  'bun add ./emaki-0.1.0.tgz': ['deploy/npm/package.processes.test.ts', "BUN, 'add', ...source"],
  'bun add --trust git+https://example.com/emaki.git': ['deploy/npm/package.processes.test.ts', "'--trust', `git+file:"],
  'bun add --dev @types/bun': ['deploy/npm/package.processes.test.ts', "'add', '--dev', `@types/bun@"],
  'bun init': ['deploy/npm/package.processes.test.ts', "'init', '--yes'"],
  'bun run dev': ['main.processes.test.ts', "'--hot'"],
  'bun run build': ['binary.processes.test.ts', "'build'"],
  'bun examples/account.ts': ['account.test.ts', "'examples/account.ts'"],
  'bun examples/relays.ts': ['relays.servers.test.ts', "'relays.ts'"],
  'emaki VERB --app app.ts': ['app-file.test.ts', "'--app'"],
  'bun main.ts VERB': ['main.processes.test.ts', 'examples/marketplace/main.ts'],
  '… VERB --help': ['main.processes.test.ts', "'--help'"],
  '… VERB --json': ['rows.processes.test.ts', "'--json'"],
  '… serve --workers 4': ['main.processes.test.ts', "'--workers'"],
  '… unpark orders o1': ['rows.processes.test.ts', "'unpark'"],
  '… skip orders o1': ['rows.processes.test.ts', "'skip'"],
  '… restore': ['restore.processes.test.ts', "'restore'"],
  'cd bench && bun test': ['bench/race.test.ts', 'sees each event of Emaki once, while'],
}
