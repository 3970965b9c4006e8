import { z } from 'zod';
import { durationPattern, msOfDay, parseDuration, parseInstant, parseSize, sizePattern } from '../units.ts';

/** `30 days` as ms. */
const duration = z
  .string()
  .transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== undefined) return ms;
    context.addIssue({ code: 'custom', message: 'be a duration such as `30 days` or `12 hours`' });
    return z.NEVER;
  })
  .meta({ pattern: durationPattern.source, examples: ['30 days', '12 hours'] });

const name = z.string().regex(/^[a-z][a-z0-9_]*$/, 'be a name: lower-case letters, digits and _, a letter first');
const label = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'be a label: letters, digits, `_`, `.` and `-`');
const text = z.string().min(1, 'be a text that is not empty');
const tags = z.array(label).default([]).meta({ description: 'Labels that a selector finds with `tag:`.' });
const when = name.exactOptional().meta({ description: 'A boolean var; where it is false, this is left out.' });

const columns = z.array(text).min(1, 'name at least one column').meta({ description: 'The columns that are tested.' });
/** One column or several; always a list once parsed. */
const by = z
  .union([text, columns])
  .transform((value) => (typeof value === 'string' ? [value] : value))
  .meta({ description: 'Columns whose groups are judged one by one.' });
const column = text.meta({ description: 'The column that is tested.' });
const ratio = z.number().min(0).max(1);

const common = {
  severity: z
    .enum(['error', 'warn'])
    .default('error')
    .meta({ description: '`error` keeps a build from being published, `warn` only says so.' }),
  where: text.exactOptional().meta({ description: 'SQL condition: only these rows are tested.' }),
  when,
  tags,
  name: name.meta({ description: 'Name of the test; made of its type, model and columns by default.' }).exactOptional(),
};

/** A list of columns, or a map that has it under `columns` beside other options. */
const ofColumns = (description: string) => {
  const options = z.strictObject({ columns, ...common });
  return z
    .union([columns, options])
    .transform((value) => (Array.isArray(value) ? options.parse({ columns: value }) : value))
    .meta({ description });
};

const bound = (type: z.ZodType<number | string>, which: string) =>
  type.exactOptional().meta({ description: `${which} value that is allowed.` });

/** A bound of a number, a date or a text. */
const limit = z.union([z.number(), z.string()]);

const age = (consequence: string) =>
  duration.exactOptional().meta({ description: `Where the newest value is older than this, the test ${consequence}.` });

/** A test without a bound could not fail. */
const atLeastOne =
  <Key extends string>(...keys: Key[]) =>
  (value: object): boolean =>
    keys.some((key) => key in value);

const tests = {
  unique: ofColumns('No two rows have the same values in these columns.'),
  not_null: ofColumns('None of these columns holds a NULL.'),
  coverage: z
    .strictObject({
      column,
      by: by.exactOptional(),
      min: ratio.meta({ description: 'Below this share of rows with a value the test fails.' }),
      warn: ratio.exactOptional().meta({ description: 'Below this share of rows with a value the test warns.' }),
      ...common,
    })
    .refine(({ min, warn }) => warn === undefined || warn >= min, { path: ['warn'], error: 'be at least `min`' })
    .meta({ description: 'The share of rows that have a value, overall and in each group.' }),
  completeness: z
    .strictObject({
      column,
      by: by.exactOptional(),
      step: duration
        .refine((ms) => ms > 0, 'be longer than 0')
        .meta({
          description: 'The distance of neighbours: `1 day`.',
        }),
      ...common,
    })
    .meta({ description: 'No step is missing between the first and the last value, in each group.' }),
  accepted_values: z
    .strictObject({
      column,
      values: z
        .array(z.union([z.string(), z.number(), z.boolean()]))
        .min(1, 'name at least one value')
        .meta({ description: 'All values that are allowed.' }),
      ...common,
    })
    .meta({ description: 'The column holds none but these values; NULL is none of its business.' }),
  relationships: z
    .strictObject({
      column,
      to: z
        .string()
        .regex(/^[a-z][a-z0-9_]*\.[^.\s]+$/, 'be `table.column`')
        .meta({ description: '`table.column`' }),
      ...common,
    })
    .meta({ description: 'Each value is found in a column of another table.' }),
  range: z
    .strictObject({ column, min: bound(limit, 'Smallest'), max: bound(limit, 'Largest'), ...common })
    .refine(atLeastOne('min', 'max'), 'have `min`, `max` or both')
    .meta({ description: 'Each value lies between `min` and `max`, both included.' }),
  row_count: z
    .strictObject({ min: bound(z.int().min(0), 'Smallest'), max: bound(z.int().min(0), 'Largest'), ...common })
    .refine(atLeastOne('min', 'max'), 'have `min`, `max` or both')
    .meta({ description: 'The number of rows, both bounds included.' }),
  expression: z
    .strictObject({
      ...common,
      name: name.meta({ description: 'Name of the test.' }),
      expect: text.meta({ description: 'SQL condition that holds for each row.' }),
    })
    .meta({ description: 'A SQL condition that holds for each row.' }),
  freshness: z
    .strictObject({ column, warn_after: age('warns'), error_after: age('fails'), ...common })
    .refine(atLeastOne('warn_after', 'error_after'), 'have `warn_after`, `error_after` or both')
    .meta({ description: 'The newest value is no older than this before the as-of of the run.' }),
  custom: z
    .strictObject({ use: text.meta({ description: 'Path of the module, beside pipeline.yaml.' }), ...common })
    .meta({ description: 'A test written in TypeScript.' }),
};

export type TestType = keyof typeof tests;

/** The options of a test under its type: `{ type: 'unique', columns: […], severity: 'error', tags: [] }`. */
export type TestSpec = { [Type in TestType]: { type: Type } & z.output<(typeof tests)[Type]> }[TestType];

/** One item of `tests:`, a map with one key: the type. */
const test = z
  .strictObject(tests)
  .partial()
  .transform((item, context): TestSpec => {
    const [entry, another] = Object.entries(item);
    if (entry !== undefined && another === undefined) return { type: entry[0], ...entry[1] } as TestSpec;
    context.addIssue({ code: 'custom', message: 'be a map with one key, the type of the test' });
    return z.NEVER;
  })
  .meta({ minProperties: 1, maxProperties: 1 });

const description = text.exactOptional().meta({ description: 'What it is, for readers of the docs and of `ls`.' });
const group = label.exactOptional().meta({ description: 'The group that a selector finds by its name.' });
const use = text.meta({ description: 'Path of the module, relative to pipeline.yaml.' });
const needs = z.array(name).meta({ description: 'Extracts, models, or tables that an extract writes.' });
const scalar = z.union([z.string(), z.number()]);
const varValue = z.union([z.boolean(), scalar, z.array(z.string())]);

/** `1 GB` as bytes. */
const size = z
  .string()
  .transform((text, context) => {
    const bytes = parseSize(text);
    if (bytes !== undefined) return bytes;
    context.addIssue({ code: 'custom', message: 'be a size such as `1 GB` or `500 MB`' });
    return z.NEVER;
  })
  .meta({ pattern: sizePattern.source, examples: ['1 GB', '500 MB'] });

const target = z.strictObject({
  archive: text.meta({ description: '`sample`, a URL or a directory in the layout of the archive.' }),
  listing: text.exactOptional().meta({ description: 'URL of the listing; the archive by default.' }),
  as_of: z
    .string()
    .refine((value) => parseInstant(value) !== undefined, 'be a time such as `2025-07-10T09:00:00Z`')
    .exactOptional()
    .meta({ description: 'The clock of a run that is given no --as-of: `2025-07-10T09:00:00Z`.' }),
  ask_above: size.exactOptional().meta({
    description: 'Before `run` fetches more than this it asks, or wants --yes: `1 GB`. It never asks by default.',
  }),
  synthetic: z.boolean().default(false).meta({ description: 'The data is made up, and every output says so.' }),
  vars: z.record(name, varValue).exactOptional().meta({ description: 'Defaults of vars on this target.' }),
});

export const varTypes = ['boolean', 'integer', 'number', 'string', 'string[]', 'duration', 'date'] as const;
export type VarType = (typeof varTypes)[number];

const variable = z.strictObject({
  type: z.enum(varTypes).meta({ description: 'A duration is `7 days`, a date `2025-06-17`.' }),
  default: varValue.meta({ description: 'The value without --vars; it fits the type.' }),
  description,
  min: scalar.exactOptional().meta({ description: 'Smallest value of an integer, number, duration or date.' }),
  max: scalar.exactOptional().meta({ description: 'Largest value of an integer, number, duration or date.' }),
  values: z.array(scalar).min(1, 'name at least one value').exactOptional().meta({
    description: 'All values that are allowed; for string[], in the list.',
  }),
  aliases: z
    .record(z.string(), z.string())
    .exactOptional()
    .meta({ description: 'Other spellings of a value, or of the values of a list: `germany: de`.' }),
  flag: label.exactOptional().meta({
    description:
      '`run` and `plan` take the var as --<flag> too: `regions` is --regions A,B. The flag of a boolean takes no value; where true is the default it is --no-<flag>.',
  }),
});

const extract = z.strictObject({
  use,
  description,
  group,
  tags,
  needs: needs.default([]),
  writes: z.array(name).meta({ description: 'The tables that models can read.' }),
  when,
  with: z.record(z.string(), z.unknown()).default({}).meta({ description: 'Options that the extract itself reads.' }),
});

const model = z.strictObject({
  use,
  description,
  group,
  tags,
  needs,
  looks_back: duration
    .refine((ms) => ms % msOfDay === 0, 'be whole days')
    .exactOptional()
    .meta({ description: 'How far before a day the model reads: `30 days`.' }),
  when,
  tests: z.array(test).default([]).meta({ description: 'What has to hold before a build is published.' }),
});

const exportSpec = z.strictObject({
  model: name.meta({ description: 'The model whose rows leave.' }),
  description,
  group,
  tags,
  format: z.enum(['parquet']).meta({ description: 'The format of the file.' }),
  order_by: z.array(text).min(1, 'name at least one column').meta({ description: 'Columns that rows are sorted by.' }),
  when,
});

const command = z.strictObject({
  use,
  description: text.meta({ description: 'One line for `--help`.' }),
  instead_of: z.record(z.string(), text).default({}).meta({
    description: 'Commands that do not exist and people type: what an error says to use instead, by their name.',
  }),
});

const acknowledgement = z
  .strictObject({
    warning: name.exactOptional().meta({ description: 'The kind of the warning: docs/pipeline.md lists them.' }),
    of: text.exactOptional().meta({
      description: 'What the warning is about, exactly or as a pattern in which * stands for any characters.',
    }),
    test: name.exactOptional().meta({ description: 'The name of a test that warns, in the place of a warning.' }),
    min: z.number().exactOptional().meta({ description: 'The test warns again when it measures less than this.' }),
    max: z.number().exactOptional().meta({ description: 'The test warns again when it measures more than this.' }),
    max_rows: z.int().min(1).exactOptional().meta({ description: 'The test warns again when more rows fail.' }),
    targets: z
      .array(text)
      .min(1, 'name at least one target')
      .exactOptional()
      .meta({ description: 'The targets that it is about; all by default.' }),
    reason: text.meta({ description: 'Why it is accepted; shown in the place of the warning.' }),
  })
  .refine(({ warning, of, test, min, max, max_rows }) => {
    const isOfTest = test !== undefined;
    const isBounded = (min ?? max ?? max_rows) !== undefined;
    return (warning === undefined) === isOfTest && (of === undefined) === isOfTest && isBounded === isOfTest;
  }, 'have `warning` and `of`, or `test` and a bound: `min`, `max` or `max_rows`')
  .meta({
    oneOf: [
      { required: ['warning', 'of'] },
      { required: ['test'], anyOf: [{ required: ['min'] }, { required: ['max'] }, { required: ['max_rows'] }] },
    ],
  });

/** pipeline.yaml, as it is written on the input side, with defaults and ms on the output side. */
export const pipelineSpec = z
  .strictObject({
    name: label.meta({ description: 'Name of the project.' }),
    default_target: text.meta({ description: 'The target without --target and PIPELINE_TARGET.' }),
    schema: text.meta({ description: 'Path of the typed definition of the tables, relative to pipeline.yaml.' }),
    targets: z
      .record(
        z.string().regex(/^[a-z][a-z0-9_-]*$/, 'be a name: lower-case letters, digits, _ and -, a letter first'),
        target,
      )
      .meta({ description: 'Where data comes from, by name; each has a folder of its own under data/.' }),
    vars: z.record(name, variable).default({}).meta({ description: 'What --vars and --var may set.' }),
    extracts: z.record(name, extract).default({}).meta({ description: 'What fills the staging area.' }),
    models: z.record(name, model).default({}).meta({ description: 'What builds the tables of the warehouse.' }),
    exports: z.record(name, exportSpec).default({}).meta({ description: 'What leaves as files.' }),
    acknowledge: z
      .array(acknowledgement)
      .default([])
      .meta({ description: 'Warnings that are known and accepted: a node does not end as WARN for them.' }),
    commands: z.record(name, command).default({}).meta({ description: 'Commands beside those of the engine.' }),
  })
  .meta({ title: 'pipeline.yaml', description: 'A pipeline: targets, vars, extracts, models, tests and exports.' });

export type PipelineSpec = z.output<typeof pipelineSpec>;
export type AcknowledgementSpec = PipelineSpec['acknowledge'][number];
export type VarSpec = PipelineSpec['vars'][string];
export type ExtractSpec = PipelineSpec['extracts'][string];
export type ModelSpec = PipelineSpec['models'][string];
export type ExportSpec = PipelineSpec['exports'][string];
