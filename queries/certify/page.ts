import { formatCount } from '../../engine/index.ts';
import type { Certificate } from './certificate.ts';

const percent = (part: number, whole: number): string =>
  part === whole ? '100 %' : `${(Math.floor((1e6 * part) / whole) / 1e4).toFixed(4)} %`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] => [
  `| ${head.join(' | ')} |`,
  `|${head.map(() => '---|').join('')}`,
  ...rows.map((row) => `| ${row.join(' | ')} |`),
];

/** Formats a certificate as Markdown, for people. */
export function certificatePage(it: Certificate): string {
  const count = (value: number) => formatCount(value);
  return [
    `# ${it.symbol} ${it.timeframe}, ${it.instrument_type}`,
    '',
    ...(it.synthetic ? ['**Synthetic data**: the sample archive, made up by a generator.', ''] : []),
    `**${count(it.present)} of ${count(it.expected)} bars (${percent(it.present, it.expected)})** from ${it.start} to before ${it.end}, UTC.`,
    '',
    ...table(
      ['what', 'value'],
      [
        ['rows', count(it.rows)],
        ['first bar', it.first_open_time ?? 'none'],
        ['last bar', it.last_open_time ?? 'none'],
        ['bars that do not open with their slot', count(it.off_grid)],
        ['bars without volume', count(it.zero_volume)],
        ['rows from the REST API', count(it.rest_rows)],
        ['digest', `\`${it.digest}\``],
      ],
    ),
    '',
    `The digest is the ${it.digest_of}.`,
    '',
    `## Missing: ${count(it.missing)} bars`,
    '',
    ...(it.gaps.length === 0
      ? ['Nothing is missing.']
      : table(
          ['from', 'to before', 'bars', 'cause', 'evidence'],
          it.gaps.map((gap) => [gap.start, gap.end, count(gap.missing_bars), gap.cause, `\`${gap.evidence}\``]),
        )),
    '',
    `## Archives: ${count(it.archives.length)}`,
    '',
    ...table(
      ['archive', 'rows', 'sha256 of the zip'],
      it.archives.map(({ key, sha256, rows }) => [
        `\`${key}\``,
        rows === null ? '' : count(rows),
        sha256 === null ? '' : `\`${sha256}\``,
      ]),
    ),
    '',
  ].join('\n');
}

/** Formats a list of certificates with links to their pages. */
export function indexPage(
  certificates: readonly { readonly file: string; readonly certificate: Certificate }[],
): string {
  return [
    '# Certificates',
    '',
    ...table(
      ['series', 'from', 'to before', 'present', 'missing', 'complete'],
      certificates.map(({ file, certificate: it }) => [
        `[${it.instrument_type} ${it.symbol} ${it.timeframe}](<${file}>)`,
        it.start,
        it.end,
        formatCount(it.present),
        formatCount(it.missing),
        percent(it.present, it.expected),
      ]),
    ),
    '',
  ].join('\n');
}
