import { basename } from 'node:path';
import type { Pipeline } from '../config/load.ts';
import type { AcknowledgementSpec } from '../config/spec.ts';
import { modelWarnings } from '../duckdb/dialect.ts';
import type { TestOutcome } from '../duckdb/index.ts';
import { closest, PipelineError } from '../errors.ts';
import type { NodeRef, Reporter } from '../events.ts';
import type { Warning } from '../extract.ts';

/** A warning with the reason of the entry that acknowledges it. */
export interface NodeWarning extends Warning {
  readonly acknowledged?: string;
}

export type AcknowledgedTest =
  | { readonly kind: 'within'; readonly reason: string }
  | { readonly kind: 'worse'; readonly place: string };

/** Facts of a complete run about entries that matched nothing. */
export interface WholeRun {
  /** Tests that passed, by name. */
  readonly passed: ReadonlySet<string>;
  /** True if all existing warnings of this kind were reported. */
  isChecked(kind: string): boolean;
  /** Subjects of earlier runs' warnings that still apply. */
  standing(kind: string): Iterable<string>;
}

/** The warnings of a run, checked against `acknowledge:` of pipeline.yaml. */
export interface Acknowledgements {
  /** Reports a warning of a node, at info level if it is acknowledged. */
  warn(node: NodeRef, warning: Warning): void;
  /** Returns the warnings of a node so far. */
  of(id: string): readonly NodeWarning[];
  /** Returns the entry for a test that warns: its reason, or its place if the test exceeds the entry's bounds. */
  ofTest(outcome: Pick<TestOutcome, 'test' | 'value' | 'rowsFailed'>): AcknowledgedTest | undefined;
  /** Returns a line for each entry that is no longer needed. */
  unused(run: WholeRun): readonly string[];
}

/** Collects the entries that apply to this target, and what they have matched. */
export function createAcknowledgements(pipeline: Pipeline, target: string, reporter: Reporter): Acknowledgements {
  const entries = pipeline.spec.acknowledge.flatMap((spec, index) =>
    spec.targets === undefined || spec.targets.includes(target)
      ? [{ spec, index, matches: subjectMatcher(spec), isUsed: false }]
      : [],
  );
  const said = new Map<string, NodeWarning[]>();
  const covering = (kind: string, subject: string) =>
    entries.filter((entry) => entry.spec.warning === kind && entry.matches(subject));

  const placeOf = (index: number): string => {
    const { line, column } = pipeline.at(['acknowledge', index]);
    return `${basename(pipeline.file)}:${line}:${column}`;
  };

  return {
    warn(node, warning) {
      const covered = covering(warning.kind, warning.subject);
      for (const entry of covered) entry.isUsed = true;
      const reason = covered[0]?.spec.reason;
      const own = said.get(node.id) ?? [];
      said.set(node.id, own);
      own.push({ ...warning, ...(reason !== undefined && { acknowledged: reason }) });
      const message = reason === undefined ? warning.message : `${warning.message} (acknowledged: ${reason})`;
      reporter.report({ type: 'log', level: reason === undefined ? 'warn' : 'info', message, node });
    },
    of: (id) => said.get(id) ?? [],
    ofTest({ test, value, rowsFailed }) {
      const own = entries.filter(({ spec }) => spec.test === test.name);
      for (const entry of own) entry.isUsed = true;
      const within = own.find(({ spec }) => isWithin(spec, value, rowsFailed));
      if (within !== undefined) return { kind: 'within', reason: within.spec.reason };
      return own[0] && { kind: 'worse', place: placeOf(own[0].index) };
    },
    unused({ passed, isChecked, standing }) {
      const isObsolete = ({ spec: { warning, test }, matches }: (typeof entries)[number]) =>
        warning === undefined
          ? passed.has(test as string)
          : isChecked(warning) && ![...standing(warning)].some(matches);
      return entries
        .filter((entry) => !entry.isUsed && isObsolete(entry))
        .map(({ spec, index }) => {
          const what =
            spec.warning === undefined
              ? `the test ${spec.test} is acknowledged, but it passes`
              : `${spec.warning} of ${spec.of} is acknowledged, but there is no such warning`;
          return `${placeOf(index)}: ${what}: remove the entry`;
        });
    },
  };
}

/** `RegExp.escape`, which Node 22 lacks. */
const escapePattern = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');

/** In patterns, `*` matches any characters. */
function subjectMatcher({ of = '' }: AcknowledgementSpec): (subject: string) => boolean {
  const pattern = new RegExp(`^${of.split('*').map(escapePattern).join('.*')}$`, 's');
  return (subject) => pattern.test(subject);
}

const isWithin = ({ min, max, max_rows }: AcknowledgementSpec, value: number | null, rowsFailed: number): boolean =>
  (min === undefined || (value !== null && value >= min)) &&
  (max === undefined || (value !== null && value <= max)) &&
  (max_rows === undefined || rowsFailed <= max_rows);

/** @throws PipelineError CONFIG_REFERENCE for a kind of warning that nothing reports. */
export function checkKinds(pipeline: Pipeline, ofExtracts: Iterable<string>): void {
  const kinds = new Set([...ofExtracts, ...Object.keys(modelWarnings)]);
  for (const [index, { warning }] of pipeline.spec.acknowledge.entries()) {
    if (warning === undefined || kinds.has(warning)) continue;
    throw new PipelineError('CONFIG_REFERENCE', `there is no warning \`${warning}\``, {
      file: pipeline.file,
      ...pipeline.at(['acknowledge', index, 'warning']),
      key: `acknowledge[${index}].warning`,
      hint: closest(warning, kinds) ?? `use one of: ${[...kinds].sort().join(', ')}`,
    });
  }
}
