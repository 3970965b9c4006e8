import { cpSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type ArchiveSet, daysFrom, type MadeArchives, makeArchives, symbolNames } from './support/archive-set.ts';
import { countFiles } from './support/count-files.ts';
import { measure } from './support/measure.ts';
import { type BenchOptions, type Figure, scaled } from './support/options.ts';
import { type Project, runPipeline, targetDir } from './support/pipeline.ts';
import { median, medianRatio, megabytes, seconds } from './support/report.ts';
import { type Contestant, type Laps, partsOf, peakOf, race, secondsOf } from './support/rounds.ts';
import { serveFiles, serveListing } from './support/servers.ts';

const days = daysFrom('2025-03-01', 100);
const asOf = '2025-06-10T09:00:00Z';

/** S1, S2 and S7: staging compared with programs that download the same URLs. */
export async function benchExtract(options: BenchOptions): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  if (options.wants('s1')) {
    const trees = [{ cadence: 'daily', timeframe: '1d', periods: days }] as const;
    const set: ArchiveSet = { name: 'small', symbols: symbolNames(scaled(500, options)), trees };
    figures.push(...judge('S1', await raceOn(set, options), { curl: 1 }));
  }
  if (options.wants('s2')) {
    const trees = [{ cadence: 'daily', timeframe: '1m', periods: days }] as const;
    const set: ArchiveSet = { name: 'minutes', symbols: symbolNames(scaled(300, options)), trees };
    figures.push(...judge('S2', await raceOn(set, options), { curl: 2, script: 2.5 }));
  }
  return figures;
}

const names = {
  ours: 'klinehouse',
  nothing: 'curl, to /dev/null',
  files: 'curl, to files',
  script: 'curl + sha256sum + unzip',
  aria32: 'aria2c -j32 -x4',
  aria128: 'aria2c -j128',
} as const;

async function raceOn(set: ArchiveSet, options: BenchOptions): Promise<Laps> {
  const archives = await makeArchives(set, options);
  await using files = await serveFiles(archives.directory, options.latencyMs);
  await using listing = await serveListing(archives.index, options.latencyMs);
  const work = join(options.work, set.name);
  mkdirSync(work);
  const [{ timeframe } = { timeframe: '' }] = set.trees;
  const project: Project = {
    ...{ dataDir: join(work, 'ours'), archiveUrl: files.url, listingUrl: listing.url },
    ...{ asOf, timeframe, availability: timeframe },
  };
  const contestants = [
    await ours(project, archives, join(work, 'listed')),
    ...peers({ archives, url: files.url, directory: work }).filter(({ name }) => options.wantsPeer(name)),
  ];
  const count = archives.zips.length.toLocaleString('en');
  const title = `${count} archives of ${set.name} (${megabytes(archives.bytes)}) from ${files.name}, ${options.latencyMs} ms`;
  return await race(title, contestants, options);
}

/** Every run starts with the archive listed and nothing staged. */
async function ours(project: Project, { zips }: MadeArchives, listed: string): Promise<Contestant> {
  await runPipeline(project, ['--select', 'listing']);
  renameSync(project.dataDir, listed);
  return {
    name: names.ours,
    prepare: async () => cpSync(listed, project.dataDir, { recursive: true }),
    async run() {
      const { nodes, ...usage } = await runPipeline(project, ['--select', 'listing', 'klines']);
      return { ...usage, partSeconds: nodes.get('extract.klines') as number };
    },
    check: async () => expectFiles(join(targetDir(project), 'staging'), '.csv', zips.length),
    output: project.dataDir,
  };
}

interface PeerInput {
  readonly archives: MadeArchives;
  readonly url: string;
  readonly directory: string;
}

function peers({ archives, url, directory }: PeerInput): readonly Contestant[] {
  const { zips } = archives;
  const out = join(directory, 'out');
  /** Puts each symbol into its own folder. */
  const fileOf = (key: string): string => key.split('/').slice(-3).toSpliced(1, 1).join('/');
  const list = (name: string, lines: readonly string[]): string => {
    writeFileSync(join(directory, name), lines.map((line) => `${line}\n`).join(''));
    return join(directory, name);
  };
  const curlLines = (key: string, to = fileOf(key)) => [`url = "${url}/${key}"`, `output = "${to}"`];
  const checksumOf = (key: string): string => `${key}.CHECKSUM`;
  const toNothing = zips.flatMap((key) => curlLines(key, '/dev/null'));
  const toFiles = zips.flatMap((key) => curlLines(key));
  const withChecksums = zips.flatMap((key) => [...curlLines(key), ...curlLines(checksumOf(key))]);
  const ariaList = list(
    'aria',
    zips.flatMap((key) => [`${url}/${key}`, `  out=${fileOf(key)}`]),
  );

  const contestant = (name: string, extension: string, command: readonly string[]): Contestant => ({
    name,
    async prepare() {
      for (const folder of new Set(zips.map((key) => dirname(fileOf(key))))) {
        mkdirSync(join(out, folder), { recursive: true });
      }
    },
    run: () => measure(command, { cwd: out }),
    ...(extension !== '' && { check: async () => noteMissing(name, countFiles(out, extension), zips.length) }),
    output: out,
  });
  const curl = (config: string) => [
    ...['curl', '--parallel', '--parallel-max', '256', '--fail', '--silent', '--show-error', '--no-progress-meter'],
    ...['--config', config],
  ];
  const aria = (...flags: readonly string[]) => [
    ...['aria2c', ...flags, '--input-file', ariaList, '--file-allocation=none'],
    ...['--console-log-level=error', '--download-result=hide', '--summary-interval=0', '--show-console-readout=false'],
  ];
  const script = join(import.meta.dirname, 'curl-verify-unzip.sh');
  return [
    contestant(names.nothing, '', curl(list('curl-nothing', toNothing))),
    contestant(names.files, '.zip', curl(list('curl-files', toFiles))),
    contestant(names.script, '.csv', ['sh', script, list('curl-checksums', withChecksums)]),
    contestant(names.aria32, '.zip', aria('-j32', '-x4')),
    contestant(names.aria128, '.zip', aria('-j128')),
  ];
}

/** The time of a peer that gives up on files is still of interest, but the reader must know. */
function noteMissing(name: string, found: number, expected: number): void {
  if (found !== expected) console.error(`  ${name} is incomplete: ${found} of ${expected} files`);
}

function expectFiles(directory: string, extension: string, expected: number): void {
  const found = countFiles(directory, extension);
  if (found !== expected) throw new Error(`${directory} has ${found} files *${extension} instead of ${expected}`);
}

function judge(
  bar: string,
  laps: Laps,
  limits: { readonly curl: number; readonly script?: number },
): readonly Figure[] {
  const node = partsOf(laps, names.ours);
  const whole = secondsOf(laps, names.ours);
  const against = (what: string, ours: readonly number[], peer: string, atMost?: number): readonly Figure[] => {
    if (!laps.has(peer)) return [];
    const ratio = medianRatio(ours, secondsOf(laps, peer));
    const figure: Figure = {
      ...{ bar, what: `${what} / ${peer}`, ours: seconds(median(ours)), peer: seconds(median(secondsOf(laps, peer))) },
      ratio: ratio.toFixed(2),
      demand: atMost === undefined ? '' : `≤ ${atMost.toFixed(2)}`,
      ...(atMost !== undefined && { holds: ratio <= atMost }),
    };
    return [figure];
  };
  const peak = peakOf(laps, names.ours);
  return [
    ...against('extract node', node, names.nothing, limits.curl),
    ...against('whole process', whole, names.nothing),
    ...against('extract node', node, names.files, limits.curl),
    ...against('extract node', node, names.script, limits.script === undefined ? undefined : 1 / limits.script),
    ...against('extract node', node, names.aria32),
    ...against('extract node', node, names.aria128),
    {
      ...{ bar: 'S7', what: `peak memory of ${bar}`, ours: megabytes(peak), peer: '', ratio: '' },
      ...{ demand: '< 700 MB', holds: peak < 700e6 },
    },
  ];
}
