import { formatDay, type Reader } from '../engine/index.ts';
import type { Database } from '../models/schema.ts';
import { checkRange, describeRange } from './parameters/range.ts';
import type { GivenOf, Parameters, PlainParameters, Question, ValuesOf } from './question.ts';
import type { Series } from './series.ts';

/** What a question was asked with, checked against what is there. */
export interface Resolved<P extends Parameters> {
  readonly values: ValuesOf<P>;
  /** What a reader should know about this answer. */
  readonly notes: readonly string[];
}

/** @throws PipelineError USAGE for a parameter that makes no sense or names what is not there */
export async function resolveQuestion<P extends Parameters>(
  question: Pick<Question<P>, 'parameters' | 'check'>,
  reader: Reader<Database>,
  given: GivenOf<P>,
): Promise<Resolved<P>> {
  const asked: Readonly<Record<string, unknown>> = given;
  const resolved: Record<string, unknown> = {};
  for (const [key, parameter] of Object.entries(question.parameters)) {
    resolved[key] = await parameter.resolve(asked[key], { key, reader });
  }
  const values = resolved as ValuesOf<P>;
  checkRange(resolved as Dates);
  return { values, notes: (await question.check?.(reader, values)) ?? [] };
}

/**
 * The series that a question with `series` reads, known before there is a warehouse.
 * @throws PipelineError USAGE for a parameter that makes no sense
 */
export function seriesOf<P extends PlainParameters>(
  question: Pick<Question<P>, 'parameters' | 'series'>,
  given: GivenOf<P>,
): readonly Series[] {
  const asked: Readonly<Record<string, unknown>> = given;
  const resolved = Object.fromEntries(
    Object.entries(question.parameters).map(([key, parameter]) => [key, parameter.resolve(asked[key], { key })]),
  );
  checkRange(resolved as Dates);
  return question.series?.(resolved as ValuesOf<P>) ?? [];
}

interface Dates {
  readonly date?: Date;
  readonly symbol?: string;
  readonly timeframe?: string;
  readonly start?: Date;
  readonly end?: Date;
}

/** `futures-um · BTCUSDT · 2025-06-17 … 2025-06-28, 12 days`: what was asked for, as a person reads it. */
export function describeQuestion<P extends Parameters>(
  question: Pick<Question<P>, 'market'>,
  values: ValuesOf<P>,
): string {
  const { date, symbol, timeframe, ...range } = values as Dates;
  const days = date === undefined ? describeRange(range) : formatDay(date);
  return [question.market?.(values) ?? 'futures-um', symbol, timeframe, days]
    .filter((part) => part !== undefined)
    .join(' · ');
}
