import type { NodeRef, NodeStatus, RunEvent } from '../events.ts';
import { formatUtc } from '../format.ts';

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
