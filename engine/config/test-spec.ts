import { z } from 'zod';
import { durationPattern, parseDuration } from './duration.ts';

/** `30 days` as ms. */
export const duration = z
  .string()
  .transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== undefined) return ms;
    context.addIssue({ code: 'custom', message: 'be a duration such as `30 days` or `12 hours`' });
    return z.NEVER;
  })
  .meta({ pattern: durationPattern.source, examples: ['30 days', '12 hours'] });

export const name = z
  .string()
  .regex(/^[a-z][a-z0-9_]*$/, 'be a name: lower-case letters, digits and _, a letter first');
export const label = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'be a label: letters, digits, `_`, `.` and `-`');
export const text = z.string().min(1, 'be a text that is not empty');
export const tags = z.array(label).default([]).meta({ description: 'Labels that a selector finds with `tag:`.' });
export const when = name.exactOptional().meta({ description: 'A boolean var; where it is false, this is left out.' });

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

/** Of a number, a date or a text. */
const limit = z.union([z.number(), z.string()]);

const age = (consequence: string) =>
  duration.exactOptional().meta({ description: `Where the newest value is older than this, the test ${consequence}.` });

/** A test with no bound could not fail. */
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
export const test = z
  .strictObject(tests)
  .partial()
  .transform((item, context): TestSpec => {
    const [entry, another] = Object.entries(item);
    if (entry !== undefined && another === undefined) return { type: entry[0], ...entry[1] } as TestSpec;
    context.addIssue({ code: 'custom', message: 'be a map with one key, the type of the test' });
    return z.NEVER;
  })
  .meta({ minProperties: 1, maxProperties: 1 });
