import { dirname, join } from 'node:path';
import type { Kysely } from 'kysely';
import { type ColumnsOf, openContext, openReader, type ReadQuery, type StandIn } from '../engine/for-commands.ts';
import { formatUtc } from '../engine/index.ts';
import type { Database } from '../models/schema.ts';
import type { GivenOf, Parameters, Question } from './question.ts';
import { resolveQuestion } from './resolve.ts';

export interface OpenOptions {
  /** Path of a warehouse; by default the one of `target`. */
  readonly file?: string;
  /** Target in pipeline.yaml; by default PIPELINE_TARGET, then its default target. */
  readonly target?: string;
  /** Folder with a subfolder per target; by default `data` next to pipeline.yaml. */
  readonly dataDir?: string;
  /** Path of pipeline.yaml; by default the one here or in the nearest folder above. */
  readonly pipeline?: string;
  /** Time to wait for a build that has the warehouse open, in ms; 5,000 by default. Then the last exports are read. */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
  /** Called if exports are read instead of the warehouse; by default the process emits a warning. */
  readonly onStandIn?: (message: string) => void;
}

/** A warehouse for queries, closed by `await using`. Every method throws PipelineError USAGE for invalid parameters. */
export interface QueryWarehouse extends AsyncDisposable {
  /** Returns all rows of an answer, typed by the question. */
  rows<P extends Parameters, Row extends object>(
    question: Question<P, Row>,
    parameters: GivenOf<P>,
  ): Promise<readonly Row[]>;
  /** Yields the same row by row, for answers that are larger than memory. */
  stream<P extends Parameters, Row extends object>(
    question: Question<P, Row>,
    parameters: GivenOf<P>,
  ): AsyncIterable<Row>;
  /** Returns the same by column: numbers and times (ms since 1970, UTC) as Float64Array, in a fraction of the time. */
  columns<P extends Parameters, Row extends object>(
    question: Question<P, Row>,
    parameters: GivenOf<P>,
  ): Promise<ColumnsOf<Row>>;
  /** Runs your own query, in typed Kysely. */
  select<Row extends object>(query: (db: Kysely<Database>) => ReadQuery<Row>): Promise<readonly Row[]>;
}

/**
 * Opens a warehouse for reading; it is never created or written.
 *
 * @throws PipelineError WAREHOUSE_MISSING, SCHEMA_OUTDATED, or WAREHOUSE_LOCKED if a build has it open and there are no
 * exports
 * @example
 * ```ts
 * import { openWarehouse, top } from 'klinehouse';
 *
 * await using warehouse = await openWarehouse({ target: 'sample' });
 * for (const { rank, symbol, quote_volume_usdt } of await warehouse.rows(top, { date: 'latest', limit: 3 })) {
 *   console.log(rank, symbol, quote_volume_usdt);
 * }
 * ```
 */
export async function openWarehouse(options: OpenOptions = {}): Promise<QueryWarehouse> {
  const { waitMs, signal, onStandIn = (message) => process.emitWarning(message) } = options;
  const { warehouse, ...more } = options.file === undefined ? await warehouseOf(options) : { warehouse: options.file };
  const reader = await openReader<Database>({
    warehouse,
    ...more,
    exports: join(dirname(warehouse), 'exports'),
    ...(waitMs !== undefined && { waitMs }),
    ...(signal !== undefined && { signal }),
  });
  if (reader.standIn !== undefined) onStandIn(describeStandIn(reader.standIn));

  const ask = async <P extends Parameters, Row extends object>(question: Question<P, Row>, given: GivenOf<P>) =>
    question.query(reader.db, (await resolveQuestion(question, reader, given)).values);

  return {
    rows: async (question, parameters) => reader.rows(await ask(question, parameters)),
    async *stream(question, parameters) {
      yield* reader.stream(await ask(question, parameters));
    },
    columns: async (question, parameters) => reader.columns(await ask(question, parameters)),
    select: (query) => reader.rows(query(reader.db)),
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  };
}

async function warehouseOf(options: OpenOptions) {
  const { pipeline, paths } = await openContext({ cwd: process.cwd(), env: process.env }, contextOptions(options));
  return { warehouse: paths.warehouse, root: pipeline.root };
}

/** Returns the options that determine a target. */
export const contextOptions = ({ target, dataDir, pipeline }: OpenOptions) => ({
  ...(target !== undefined && { target }),
  ...(dataDir !== undefined && { dataDir }),
  ...(pipeline !== undefined && { pipeline }),
});

/** Describes that an answer comes from exports. */
export const describeStandIn = ({ reason, writtenAt }: StandIn): string =>
  `${reason}; the answer is from the exports of ${formatUtc(writtenAt)}`;
