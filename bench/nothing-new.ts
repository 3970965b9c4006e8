import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serveHistory } from './support/history.ts';
import { measure } from './support/measure.ts';
import type { BenchOptions, Figure } from './support/options.ts';
import { runPipeline } from './support/pipeline.ts';
import { median, medianRatio, seconds } from './support/report.ts';
import { type Contestant, partsOf, race, secondsOf } from './support/rounds.ts';

const ours = 'klinehouse';
/** The time of the requests alone depends on these; in S1 curl has 256. The listing extract opens up to 512. */
const connections = [128, 256] as const;

/** S5: a whole run over an archive with nothing new, compared with its listing requests alone. */
export async function benchNothingNew(options: BenchOptions): Promise<readonly Figure[]> {
  await using history = await serveHistory(options);
  const { listing, symbols } = history;
  const project = history.project('nothing-new');
  await runPipeline(project, []);
  await listing.asked();
  await runPipeline(project, []);
  const urls = await listing.asked();

  const config = join(options.work, 'listing-urls');
  writeFileSync(config, urls.map((url) => `url = "${url}"\noutput = "/dev/null"\n`).join(''));
  const curl = (parallel: number): Contestant => ({
    name: `curl, the same ${urls.length} requests, ${parallel} at once`,
    run: () =>
      measure([
        ...['curl', '--parallel', '--parallel-max', String(parallel), '--fail', '--silent', '--show-error'],
        ...['--no-progress-meter', '--config', config],
      ]),
  });
  const peers = connections.map(curl);
  const contestant: Contestant = {
    name: ours,
    async run() {
      const { nodes, ...usage } = await runPipeline(project, []);
      return { ...usage, partSeconds: nodes.get('extract.listing') as number };
    },
    async check() {
      const found = (await listing.asked()).length;
      if (found % urls.length !== 0) throw new Error(`${found} listings were asked for instead of ${urls.length}`);
    },
  };
  const laps = await race(`nothing new, ${symbols} symbols`, [contestant, ...peers], options);

  const [whole, node] = [secondsOf(laps, ours), partsOf(laps, ours)];
  // One for each symbol, cadence and timeframe (monthly 1d, daily 1d, daily 1m), and the pages of prefixes.
  const fewest = 3 * symbols + 2 * Math.ceil(symbols / 1000);
  return [
    ...peers.flatMap(({ name }): readonly Figure[] => {
      const peer = secondsOf(laps, name);
      const common = { bar: 'S5', peer: seconds(median(peer)) };
      const ratio = medianRatio(whole, peer);
      return [
        {
          ...{ ...common, what: `whole process / ${name}`, ours: seconds(median(whole)) },
          ...{ ratio: ratio.toFixed(2), demand: '< 1.20', holds: ratio < 1.2 },
        },
        {
          ...{ ...common, what: `listing node / ${name}`, ours: seconds(median(node)) },
          ...{ ratio: medianRatio(node, peer).toFixed(2), demand: '' },
        },
      ];
    }),
    {
      ...{ bar: 'S5', what: 'listing requests', ours: String(urls.length), peer: String(fewest), ratio: '' },
      ...{ demand: 'no more', holds: urls.length <= fewest },
    },
  ];
}
