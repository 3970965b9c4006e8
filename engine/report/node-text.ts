import type { NodeRef, NodeStatus, RunEvent } from '../events.ts';
import { countOf, formatDuration, formatUtc } from '../format.ts';

type RunFacts = Pick<Extract<RunEvent, { type: 'run_started' }>, 'target' | 'synthetic' | 'asOf' | 'range'>;

/** `shop run · target sample (synthetic data) · as of 2025-07-10 09:00 UTC`. */
export function headline(title: string, event: RunFacts): string {
  const parts = [
    title,
    `target ${event.target}${event.synthetic ? ' (synthetic data)' : ''}`,
    `as of ${formatUtc(event.asOf)}`,
  ];
  if (event.range !== undefined) parts.push(event.range);
  return parts.join(' · ');
}

/** `model orders`. */
export const nodeLabel = (node: NodeRef): string => `${node.kind} ${node.name}`;

export function statusWord(node: NodeRef, status: NodeStatus): string {
  if (status === 'pass') return node.kind === 'test' ? 'PASS' : 'OK';
  return status.toUpperCase();
}

/** The colour of a status. */
export const styles = {
  pass: 'green',
  warn: 'yellow',
  error: 'red',
  skip: 'yellow',
  'no-op': 'dim',
  reused: 'dim',
} as const satisfies Record<NodeStatus, string>;

export const firstLine = (text: string): string => text.split('\n', 1)[0] as string;

/**
 * True if an event shows that a run does something: fetches, builds, fails or skips. Warnings of extracts and tests
 * appear in every run while their cause exists, acknowledged or not; those of a model are about rows that it has built.
 */
export function showsChange(event: RunEvent): boolean {
  if (event.type === 'node_progress') return (event.progress.bytes ?? 0) > 0;
  if (event.type === 'log')
    return event.level === 'error' || (event.level === 'warn' && event.node === undefined && !event.isAdvice);
  if (event.type === 'run_finished') return event.interrupted;
  if (event.type !== 'node_finished') return false;
  const { node, status, acknowledged } = event;
  if (node.kind === 'test' && acknowledged !== undefined) return false;
  return ['pass', 'error', 'skip'].includes(status) || (status === 'warn' && node.kind === 'model');
}

const namesAtMost = 3;

/** The only line between headline and `Done.` line in a run in which nothing changed. */
export function unchangedLine(
  { counts, seconds }: Extract<RunEvent, { type: 'run_finished' }>,
  warned: readonly NodeRef[],
  acknowledged: number,
): string {
  const names = warned.slice(0, namesAtMost).map(({ name }) => name);
  if (warned.length > namesAtMost) names.push('…');
  const words: readonly (readonly [NodeStatus, string])[] = [
    ['reused', 'reused'],
    ['no-op', 'no-op'],
    ['warn', `warned (${names.join(', ')})`],
  ];
  const said = words.flatMap(([status, word]) => (counts[status] === 0 ? [] : [`${counts[status]} ${word}`]));
  if (acknowledged > 0) said.push(`${countOf(acknowledged, 'warning')} acknowledged`);
  return `Nothing changed in ${formatDuration(seconds)}: ${said.join(', ')}. All: --verbose`;
}
