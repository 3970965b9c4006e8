import { z } from 'zod';
import { msOfDay, parseSize, sizePattern } from '../units.ts';
import { parseInstant } from './instant.ts';
import { duration, label, name, tags, test, text, when } from './test-spec.ts';

export type { TestSpec } from './test-spec.ts';

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
