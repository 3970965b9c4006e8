import type { Kysely } from 'kysely';
import type { Reader, ReadQuery } from '../engine/for-commands.ts';
import type { Database } from '../models/schema.ts';
import type { Parameter, PlainParameter } from './parameters/parameter.ts';
import type { Covered } from './parameters/range.ts';
import type { Series } from './series.ts';

// biome-ignore lint/suspicious/noExplicitAny: each parameter accepts other values
export type Parameters = Readonly<Record<string, Parameter<any, any>>>;

// biome-ignore lint/suspicious/noExplicitAny: as above
export type PlainParameters = Readonly<Record<string, PlainParameter<any, any>>>;

type Given<P> = P extends Parameter<infer G, infer _> ? G : never;
type OptionalName<P extends Parameters> = { [K in keyof P]: undefined extends Given<P[K]> ? K : never }[keyof P];

/** The values that a caller gives: days as text or `Date`, symbols in any case. */
export type GivenOf<P extends Parameters> = { readonly [K in Exclude<keyof P, OptionalName<P>>]: Given<P[K]> } & {
  readonly [K in OptionalName<P>]?: Given<P[K]>;
};

/** The checked values that a query gets: days as midnight UTC, symbols in the archive's spelling. */
export type ValuesOf<P extends Parameters> = {
  readonly [K in keyof P]: P[K] extends Parameter<infer _, infer Value> ? Value : never;
};

/** The limits of a picture. */
export interface Canvas {
  /** Columns of the terminal. */
  readonly width: number;
  readonly color: boolean;
}

/** A question with its parameters, its typed query, and everything needed to present its answer. */
export interface Question<P extends Parameters = Parameters, Row extends object = object> {
  /** Name of the command. */
  readonly name: string;
  readonly description: string;
  readonly parameters: P;
  /** Rows of the answer; their type is what Kysely infers. */
  readonly query: (db: Kysely<Database>, values: ValuesOf<P>) => ReadQuery<Row>;
  /** The market of the answer; `futures-um` by default. */
  readonly market?: (values: ValuesOf<P>) => string;
  /** Units of the values, by column. */
  readonly units?: (values: ValuesOf<P>) => { readonly [K in keyof NoInfer<Row>]?: string };
  /** The series that the answer needs, so that `--fetch` can load missing bars. Their parameters are plain. */
  readonly series?: (values: ValuesOf<P>) => readonly Series[];
  /** One row with the days that the record covers, for questions with a range. */
  readonly covers?: (db: Kysely<Database>, values: ValuesOf<P>) => ReadQuery<Covered>;
  /** Throws if there can be no answer; returns notes about this answer. */
  readonly check?: (reader: Reader<Database>, values: ValuesOf<P>) => Promise<readonly string[]>;
  /** Set for an answer of one row, which a terminal shows with a line per column. */
  readonly record?: true;
  /** Draws what a terminal shows instead of a table. */
  readonly draw?: (rows: readonly NoInfer<Row>[], canvas: Canvas) => readonly string[];
  readonly examples: readonly string[];
}

/** Rows of the answer to a question: `RowOf<typeof top>`. */
export type RowOf<Q> = Q extends Question<infer _, infer Row> ? Row : never;

export const defineQuestion = <const P extends Parameters, Row extends object>(
  question: Question<P, Row>,
): Question<P, Row> => Object.freeze(question);
