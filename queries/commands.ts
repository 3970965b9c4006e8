import { type Command, Option } from 'commander';
import {
  type CommandIo,
  chooseForm,
  createNotes,
  defineCommand,
  lineResult,
  openContext,
  openReader,
  type ResultOptions,
  resultFormats,
  type StandIn,
  takeResult,
  terminalOf,
} from '../engine/for-commands.ts';
import { countOf, type ErrorCode, PipelineError } from '../engine/index.ts';
import type { Database } from '../models/schema.ts';
import { type FetchOptions, fetchMissing } from './fetch.ts';
import { describeStandIn } from './open.ts';
import { resample } from './parameters/parameter.ts';
import type { Parameters, Question } from './question.ts';
import { ohlcv, resampledOhlcv } from './questions/ohlcv.ts';
import { questions } from './questions.ts';
import { describeQuestion, resolvePlain, resolveQuestion } from './resolve.ts';

// biome-ignore lint/suspicious/noExplicitAny: the command line can ask every question
type AnyQuestion = Question<any, any>;
type Given = Readonly<Record<string, unknown>>;
type AskOptions = FetchOptions & ResultOptions & { readonly fetch?: boolean };

/** Errors of a warehouse that cannot be queried now. */
const notNow: ReadonlySet<string> = new Set<ErrorCode>([
  'WAREHOUSE_MISSING',
  'WAREHOUSE_LOCKED',
  'WAREHOUSE_LOST',
  'WAREHOUSE_UNREADABLE',
  'SCHEMA_OUTDATED',
  'SCHEMA_NEWER',
  'TABLE_MISSING',
]);

/** `pnpm pipeline query <question>`. */
export default defineCommand({
  async completions(io, options) {
    const { pipeline, paths } = await openContext(io, options);
    try {
      await using reader = await openReader<Database>({
        ...{ warehouse: paths.warehouse, root: pipeline.root, waitMs: 0, signal: io.signal },
      });
      const rows = await reader.rows(reader.db.selectFrom('symbols').distinct().orderBy('symbol').select('symbol'));
      const symbol = rows.map((row) => row.symbol);
      return { symbol, '--symbol': symbol, '--symbols': symbol };
    } catch (error) {
      if (error instanceof PipelineError && notNow.has(error.code)) return {};
      throw error;
    }
  },
  define(command, io) {
    for (const question of questions as readonly AnyQuestion[]) {
      addQuestion(command, io, question, question.parameters, () => question);
    }
    addQuestion(command, io, ohlcv, { ...ohlcv.parameters, resample }, (given) =>
      given.resample === undefined ? ohlcv : resampledOhlcv,
    );
  },
});

function addQuestion(
  parent: Command,
  io: CommandIo,
  shown: AnyQuestion,
  parameters: Parameters,
  choose: (given: Given) => AnyQuestion,
): void {
  const command = parent.command(shown.name).description(shown.description);
  const names = Object.keys(parameters);
  const positional = names.filter((name) => parameters[name]?.flags === undefined);
  for (const name of names) {
    const { flags, required, description } = parameters[name] as Parameters[string];
    if (flags === undefined) command.argument(`<${name}>`, description);
    else command.addOption(new Option(flags, description).makeOptionMandatory(required ?? false));
  }
  if (shown.series !== undefined) {
    command
      .option('--fetch', 'first fetch and load the bars that the archive has and the warehouse lacks')
      .option('--yes', 'with --fetch: fetch large amounts without asking');
  }
  command
    .addOption(new Option('--format <format>', 'default: table in a terminal, otherwise csv').choices(resultFormats))
    .option(
      '--output <file>',
      'file, device or pipe to write to; - is stdout. The extension selects the format: .csv, .json, .parquet, .arrow or .arrows',
    )
    .addHelpText(
      'after',
      ['', 'Examples:', ...shown.examples.map((line) => `  pnpm pipeline query ${line}`)].join('\n'),
    )
    .action(async (...words: readonly unknown[]) => {
      const options = (words.at(-1) as Command).optsWithGlobals<AskOptions>();
      const given = { ...options, ...Object.fromEntries(positional.map((name, at) => [name, words[at]])) };
      await ask(io, choose(given), given, options);
    });
}

/** Queries, closes the warehouse, then prints, so that a slow reader of the output does not block a build. */
async function ask(io: CommandIo, question: AnyQuestion, given: Given, options: AskOptions): Promise<void> {
  const form = chooseForm(options, io);
  const note = createNotes(io, options);
  const { pipeline, target, paths } = await openContext(io, options);
  if (options.fetch) await fetchMissing(io, question.series?.(resolvePlain(question.parameters, given)) ?? [], options);
  let standIn: StandIn | undefined;
  const take = async () => {
    await using reader = await openReader<Database>({ ...paths, root: pipeline.root, signal: io.signal });
    standIn = reader.standIn;
    const { values, notes } = await resolveQuestion(question, reader, given);
    const synthetic = target.synthetic ? ' (synthetic data)' : '';
    note(`target ${target.name}${synthetic} · ${describeQuestion(question, values)}`);
    note(`units: ${describeUnits(question.units?.(values) ?? {})}`);
    for (const text of notes) note(text);
    const query = question.query(reader.db, values);
    if (form.kind === 'picture' && question.draw !== undefined) {
      return lineResult(question.draw(await reader.rows(query), terminalOf(io.stdout, io.env)), io);
    }
    return await takeResult(reader, query, form.kind === 'picture' ? { kind: 'table' } : form, {
      io,
      record: question.record ?? false,
      units: question.units?.(values) ?? {},
      metadata: { target: target.name, synthetic: String(target.synthetic) },
    });
  };
  const result = await take();
  if (standIn !== undefined) note(describeStandIn(standIn), 'warn');
  await result.deliver();
  if (result.count === 0 && form.kind !== 'data') note('no rows found');
  if (result.leftOut.length > 0) note(`no room for ${result.leftOut.join(', ')}; all columns: --format csv`);
  if (result.isCut) note(`the first ${countOf(result.count, 'row')}; all of them: --format csv, or --output FILE`);
  if (form.kind === 'data' && form.to.kind !== 'stdout') note(`${countOf(result.count, 'row')} to ${options.output}`);
}

function describeUnits(units: Readonly<Record<string, string | undefined>>): string {
  const columnsOf = Map.groupBy(Object.keys(units), (column) => units[column]);
  return [...[...columnsOf].map(([unit, columns]) => `${columns.join(', ')} in ${unit}`), 'days and times in UTC'].join(
    '; ',
  );
}
