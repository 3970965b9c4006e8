import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { benchBars } from './bars.ts';
import { benchBuild } from './build.ts';
import { benchExtract } from './extract.ts';
import { benchHistory } from './history.ts';
import { benchNothingNew } from './nothing-new.ts';
import { benchStart } from './start.ts';
import { machineLines } from './support/machine.ts';
import type { BenchOptions, Figure } from './support/options.ts';
import { figureTable } from './support/report.ts';

const benches: Readonly<Record<string, (options: BenchOptions) => Promise<readonly Figure[]>>> = {
  extract: benchExtract,
  'nothing-new': benchNothingNew,
  build: benchBuild,
  bars: benchBars,
  history: benchHistory,
  start: benchStart,
};

const usage = `usage: pnpm bench <name…> [options]

  extract      S1, S2, S7: staging against curl, curl + sha256sum + unzip, aria2c
  nothing-new  S5: a run with nothing new against its listing requests alone
  build        S3, S4: ohlcv against a hand-written read_csv; rankings against dbt-duckdb and by hand
  bars         53.7 million bars of spot, then futures: loaded, certified, queried
  history      about 100,000 files listed, staged and loaded
  start        S6: pnpm pipeline ls

  --scale 0.1   a tenth of the files, rows or symbols, for a trial    (1)
  --rounds 5    measured rounds; every program runs once in each      (5)
  --only s2     only the parts whose names begin with this            (all)
  --peers curl  only the peers whose names begin with this            (all)
  --python PATH        a Python with duckdb, dbt-core and dbt-duckdb, for the peers of S4  (none)
  --python-peers DIR   their folder: make_template.py, add_day.py, by-hand.py, a dbt project  (none)
  --latency 40  ms before the servers answer                          (40)
  --dir DIR     folder for archives and for the output of runs        (data/bench)`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    scale: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    peers: { type: 'string', default: '' },
    python: { type: 'string' },
    'python-peers': { type: 'string' },
    latency: { type: 'string', default: '40' },
    dir: { type: 'string', default: join(import.meta.dirname, '../data/bench') },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help || positionals.length === 0 || positionals.some((name) => !Object.hasOwn(benches, name))) {
  console.log(usage);
  process.exitCode = values.help ? 0 : 2;
} else {
  const options: BenchOptions = {
    scale: Number(values.scale),
    rounds: Number(values.rounds),
    latencyMs: Number(values.latency),
    directory: values.dir,
    work: join(values.dir, `work-${process.pid}`),
    wants: (part) => part.startsWith(values.only),
    python:
      values.python === undefined || values['python-peers'] === undefined
        ? undefined
        : { python: resolve(values.python), peers: resolve(values['python-peers']) },
    wantsPeer: (name) => name.startsWith(values.peers),
  };
  const figures: Figure[] = [];
  mkdirSync(options.work, { recursive: true });
  for (const line of machineLines()) console.log(line);
  try {
    for (const name of positionals) figures.push(...((await benches[name]?.(options)) ?? []));
  } finally {
    rmSync(options.work, { recursive: true, force: true });
  }
  console.log(
    `\nscale ${options.scale}, ${options.rounds} rounds, medians; a ratio is the median of the rounds' ratios`,
  );
  for (const line of figureTable(figures)) console.log(line);
}
