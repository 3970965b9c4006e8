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

const name = z
  .string()
  .regex(/^[a-z][a-z0-9_]*$/, 'be a name: lower-case letters, digits and _, starting with a letter');
const label = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'be a label: letters, digits, `_`, `.` and `-`');
const text = z.string().min(1, 'be a non-empty string');
const tags = z.array(label).default([]).meta({ description: 'Labels that a selector finds with `tag:`.' });
const when = name.exactOptional().meta({ description: 'A boolean var; if it is false, this is skipped.' });

const columns = z.array(text).min(1, 'name at least one column').meta({ description: 'The columns that are tested.' });
/** One column or several; always a list once parsed. */
const by = z
  .union([text, columns])
  .transform((value) => (typeof value === 'string' ? [value] : value))
  .meta({ description: 'Columns to group by; each group is tested separately.' });
const column = text.meta({ description: 'The column that is tested.' });
const ratio = z.number().min(0).max(1);

const common = {
  severity: z
    .enum(['error', 'warn'])
    .default('error')
    .meta({ description: '`error` blocks publication, `warn` only warns.' }),
  where: text.exactOptional().meta({ description: 'SQL condition: only these rows are tested.' }),
  when,
  tags,
  name: name.meta({ description: 'Name of the test; by default its type, model and columns.' }).exactOptional(),
};

/** A list of columns, or a map with the list under `columns` and other options. */
const ofColumns = (description: string) => {
  const options = z.strictObject({ columns, ...common });
  return z
    .union([columns, options])
    .transform((value) => (Array.isArray(value) ? options.parse({ columns: value }) : value))
    .meta({ description });
};

const bound = (type: z.ZodType<number | string>, which: string) =>
  type.exactOptional().meta({ description: `${which} allowed value.` });

/** A bound for numbers, dates or strings. */
const limit = z.union([z.number(), z.string()]);

const age = (consequence: string) =>
  duration.exactOptional().meta({ description: `If the newest value is older than this, the test ${consequence}.` });

/** A test without a bound could not fail. */
const atLeastOne =
  <Key extends string>(...keys: Key[]) =>
  (value: object): boolean =>
    keys.some((key) => key in value);

const tests = {
  unique: ofColumns('No two rows have the same values in these columns.'),
  not_null: ofColumns('None of these columns contains NULL.'),
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
          description: 'The distance between neighbours: `1 day`.',
        }),
      ...common,
    })
    .meta({ description: 'No steps are missing between the first and the last value of each group.' }),
  accepted_values: z
    .strictObject({
      column,
      values: z
        .array(z.union([z.string(), z.number(), z.boolean()]))
        .min(1, 'name at least one value')
        .meta({ description: 'All allowed values.' }),
      ...common,
    })
    .meta({ description: 'The column contains only these values; NULL is ignored.' }),
  relationships: z
    .strictObject({
      column,
      to: z
        .string()
        .regex(/^[a-z][a-z0-9_]*\.[^.\s]+$/, 'be `table.column`')
        .meta({ description: '`table.column`' }),
      ...common,
    })
    .meta({ description: 'Each value exists in a column of another table.' }),
  range: z
    .strictObject({ column, min: bound(limit, 'Smallest'), max: bound(limit, 'Largest'), ...common })
    .refine(atLeastOne('min', 'max'), 'have `min`, `max` or both')
    .meta({ description: 'Each value is between `min` and `max`, inclusive.' }),
  row_count: z
    .strictObject({ min: bound(z.int().min(0), 'Smallest'), max: bound(z.int().min(0), 'Largest'), ...common })
    .refine(atLeastOne('min', 'max'), 'have `min`, `max` or both')
    .meta({ description: 'The number of rows is between `min` and `max`, inclusive.' }),
  expression: z
    .strictObject({
      ...common,
      name: name.meta({ description: 'Name of the test.' }),
      expect: text.meta({ description: 'SQL condition that is true for each row.' }),
    })
    .meta({ description: 'A SQL condition that is true for each row.' }),
  freshness: z
    .strictObject({ column, warn_after: age('warns'), error_after: age('fails'), ...common })
    .refine(atLeastOne('warn_after', 'error_after'), 'have `warn_after`, `error_after` or both')
    .meta({ description: "The newest value is not older than this at the run's clock." }),
  custom: z
    .strictObject({ use: text.meta({ description: 'Path of the module, relative to pipeline.yaml.' }), ...common })
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

const description = text.exactOptional().meta({ description: 'Description for readers.' });
const group = label.exactOptional().meta({ description: 'The group; selectors find it by name.' });
const use = text.meta({ description: 'Path of the module, relative to pipeline.yaml.' });
const needs = z.array(name).meta({ description: 'Extracts, seeds, models, or tables that an extract writes.' });
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
  archive: text
    .exactOptional()
    .meta({ description: 'Where the extracts fetch from: a URL, a folder, or a name that they know.' }),
  listing: text.exactOptional().meta({ description: 'URL of the listing; the archive by default.' }),
  as_of: z
    .string()
    .refine((value) => parseInstant(value) !== undefined, 'be a time such as `2025-07-10T09:00:00Z`')
    .exactOptional()
    .meta({ description: 'The clock of runs without --as-of: `2025-07-10T09:00:00Z`.' }),
  ask_above: size.exactOptional().meta({
    description:
      'Before `run` fetches more than this, it asks for confirmation or --yes: `1 GB`. By default it never asks.',
  }),
  synthetic: z.boolean().default(false).meta({ description: 'The data is synthetic, and every output says so.' }),
  vars: z.record(name, varValue).exactOptional().meta({ description: 'Defaults of vars for this target.' }),
});

export const varTypes = ['boolean', 'integer', 'number', 'string', 'string[]', 'duration', 'date'] as const;
export type VarType = (typeof varTypes)[number];

const variable = z.strictObject({
  type: z.enum(varTypes).meta({ description: 'A duration is `7 days`, a date `2025-06-17`.' }),
  default: varValue.meta({ description: 'The value without --var or --vars.' }),
  description,
  min: scalar.exactOptional().meta({ description: 'Smallest value of an integer, number, duration or date.' }),
  max: scalar.exactOptional().meta({ description: 'Largest value of an integer, number, duration or date.' }),
  values: z.array(scalar).min(1, 'name at least one value').exactOptional().meta({
    description: 'All allowed values; for string[], of its items.',
  }),
  aliases: z
    .record(z.string(), z.string())
    .exactOptional()
    .meta({ description: 'Other spellings of a value, or of the values of a list: `germany: de`.' }),
  flag: label.exactOptional().meta({
    description:
      '`run` and `plan` also accept the var as --<flag>: `regions` is --regions A,B. The flag of a boolean takes no value; if the default is true, it is --no-<flag>.',
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

const seedFile = text.meta({ description: 'Path of the CSV file, relative to pipeline.yaml.' });
/** The path of the file alone, or a map; always a map once parsed. */
const seed = z
  .union([seedFile, z.strictObject({ file: seedFile, description, group, tags })])
  .transform((value) => (typeof value === 'string' ? { file: value, tags: [] } : value))
  .meta({ description: 'A CSV file of the project, loaded into the table of its name.' });

const model = z.strictObject({
  use,
  description,
  group,
  tags,
  needs,
  looks_back: duration
    .refine((ms) => ms % msOfDay === 0, 'be whole days')
    .exactOptional()
    .meta({ description: 'How far back from a day the model reads: `30 days`.' }),
  when,
  tests: z.array(test).default([]).meta({ description: 'Tests that must pass before a build is published.' }),
});

const exportSpec = z.strictObject({
  model: name.meta({ description: 'The model whose rows are exported.' }),
  description,
  group,
  tags,
  format: z.enum(['parquet']).meta({ description: 'The format of the file.' }),
  order_by: z.array(text).min(1, 'name at least one column').meta({ description: 'Columns to sort by.' }),
  when,
});

const fileName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'be a file name: letters, digits, `_`, `.` and `-`, without folders');
const publishedTable = name.meta({ description: 'The table whose rows are published.' });

const published = {
  database: z
    .strictObject({
      file: fileName.meta({ description: 'Name of the file.' }),
      tables: z.array(name).min(1, 'name at least one table').meta({ description: 'The tables that it contains.' }),
      gzip: z.boolean().default(false).meta({ description: 'Also publish the file compressed, as <file>.gz.' }),
    })
    .meta({ description: 'A database file with keys, indexes and comments.' }),
  parquet: z
    .strictObject({
      file: fileName.meta({ description: 'Name of the file.' }),
      table: publishedTable,
      order_by: z.array(text).min(1, 'name at least one column').meta({ description: 'Columns to sort by.' }),
      row_group_size: z.int().min(2048).default(20_480).meta({ description: 'Rows in a row group.' }),
    })
    .meta({ description: 'A sorted Parquet file.' }),
  dataset: z
    .strictObject({
      folder: fileName.meta({ description: 'Name of the folder.' }),
      table: publishedTable,
      partition_by: z
        .array(z.union([text, z.strictObject({ year: text.meta({ description: 'A DATE or TIMESTAMP column.' }) })]))
        .min(1, 'name at least one column')
        .meta({ description: 'The folders, from the outermost: a column, or { year: column }.' }),
    })
    .meta({ description: 'A hive-partitioned Parquet data set, of which only changed partitions are written again.' }),
  made: z.strictObject({ use }).meta({ description: 'Files that a module of the project returns as text.' }),
};

/** A published file under its kind: `{ kind: 'parquet', file: 'x.parquet', … }`. */
export type PublishedSpec = {
  [Kind in keyof typeof published]: { kind: Kind } & z.output<(typeof published)[Kind]>;
}[keyof typeof published];

/** One item of `files:`, a map with one key: the kind. */
const publishedFile = z
  .strictObject(published)
  .partial()
  .transform((item, context): PublishedSpec => {
    const [entry, another] = Object.entries(item);
    if (entry !== undefined && another === undefined) return { kind: entry[0], ...entry[1] } as PublishedSpec;
    context.addIssue({ code: 'custom', message: 'be a map with one key: database, parquet, dataset or made' });
    return z.NEVER;
  })
  .meta({ minProperties: 1, maxProperties: 1 });

const publication = z.strictObject({
  to: text.exactOptional().meta({
    description:
      'A folder or s3://bucket/prefix; `$` with a name in braces stands for an environment variable. --to overrides it.',
  }),
  description,
  keep: z.int().min(1).default(30).meta({ description: 'The number of versions that are kept.' }),
  pinned: z.array(text).default([]).meta({ description: 'Versions that are never removed.' }),
  files: z.array(publishedFile).min(1, 'name at least one file').meta({ description: 'The files of a version.' }),
});

const command = z.strictObject({
  use,
  description: text.meta({ description: 'One line for `--help`.' }),
  instead_of: z.record(z.string(), text).default({}).meta({
    description: 'Hints for commands that do not exist but that people type, by name.',
  }),
});

const acknowledgement = z
  .strictObject({
    warning: name.exactOptional().meta({ description: 'The kind of the warning: docs/pipeline.md lists them.' }),
    of: text.exactOptional().meta({
      description: 'The subject of the warning, exactly or as a pattern in which * matches any characters.',
    }),
    test: name.exactOptional().meta({ description: 'The name of a test that warns, instead of `warning`.' }),
    min: z.number().exactOptional().meta({ description: 'The test warns again when it measures less than this.' }),
    max: z.number().exactOptional().meta({ description: 'The test warns again when it measures more than this.' }),
    max_rows: z.int().min(1).exactOptional().meta({ description: 'The test warns again when more rows fail.' }),
    targets: z
      .array(text)
      .min(1, 'name at least one target')
      .exactOptional()
      .meta({ description: 'The targets to which it applies; all by default.' }),
    reason: text.meta({ description: 'Why it is accepted; shown instead of the warning.' }),
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

/** pipeline.yaml: its input type is the file as written, its output type has defaults and durations in ms. */
export const pipelineSpec = z
  .strictObject({
    name: label.meta({ description: 'Name of the project.' }),
    default_target: text.meta({ description: 'The target if neither --target nor PIPELINE_TARGET is set.' }),
    schema: text.meta({ description: 'Path of the typed definition of the tables, relative to pipeline.yaml.' }),
    targets: z
      .record(
        z
          .string()
          .regex(/^[a-z][a-z0-9_-]*$/, 'be a name: lower-case letters, digits, _ and -, starting with a letter'),
        target,
      )
      .meta({ description: 'Sources of the data, by name; each has its own folder under data/.' }),
    vars: z.record(name, variable).default({}).meta({ description: 'Variables that --vars and --var can set.' }),
    extracts: z.record(name, extract).default({}).meta({ description: 'Modules that fill the staging area.' }),
    seeds: z
      .record(name, seed)
      .default({})
      .meta({ description: 'Small tables that are kept as CSV files in the project.' }),
    models: z.record(name, model).default({}).meta({ description: 'Modules that build the tables of the warehouse.' }),
    exports: z.record(name, exportSpec).default({}).meta({ description: 'Tables that are written as files.' }),
    publications: z
      .record(name, publication)
      .default({})
      .meta({ description: 'Versions of files that `publish` offers to readers elsewhere.' }),
    acknowledge: z
      .array(acknowledgement)
      .default([])
      .meta({ description: 'Known warnings; a node does not end as WARN because of them.' }),
    commands: z.record(name, command).default({}).meta({ description: 'Commands in addition to those of the engine.' }),
  })
  .meta({
    title: 'pipeline.yaml',
    description: 'A pipeline: targets, vars, extracts, seeds, models, tests, exports and publications.',
  });

export type PipelineSpec = z.output<typeof pipelineSpec>;
export type AcknowledgementSpec = PipelineSpec['acknowledge'][number];
export type VarSpec = PipelineSpec['vars'][string];
export type ExtractSpec = PipelineSpec['extracts'][string];
export type SeedSpec = PipelineSpec['seeds'][string];
export type ModelSpec = PipelineSpec['models'][string];
export type ExportSpec = PipelineSpec['exports'][string];
export type PublicationSpec = PipelineSpec['publications'][string];
