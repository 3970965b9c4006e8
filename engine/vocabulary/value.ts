import {
  type AliasableExpression,
  CaseNode,
  type Expression,
  ExpressionWrapper,
  FunctionNode,
  type OperationNode,
  type SqlBool,
  ValueNode,
  WhenNode,
} from 'kysely';
import type { SqlType, SqlTypes } from '../schema/table.ts';
import { functionOf, type Word } from './spelling.ts';

/** An expression that can be selected under a name. Its TypeScript type says what it reads as, NULL included. */
export type Value<T> = AliasableExpression<T>;

/** A DECIMAL, whose sums are exact. No column of a table has this type: cast it to DOUBLE. */
export interface Decimal {
  readonly sqlType: 'DECIMAL';
}

/** `null` if a type admits it. */
export type NullOf<T> = null extends T ? null : never;

export type Condition = Expression<SqlBool | null>;

type Constant = string | number | bigint | boolean | null;

/** An expression, or a constant that takes its SQL type from the other operand. */
export type Operand<T> = Expression<T> | Extract<T, Constant>;

export function asValue<T>(node: OperationNode): Value<T> {
  return new ExpressionWrapper<never, never, T>(node);
}

/** The node of a function of the vocabulary; each engine's dictionary has its text. */
export const wordNode = (name: Word, ...operands: readonly (Expression<unknown> | Constant)[]): OperationNode =>
  FunctionNode.create(functionOf(name), operands.map(nodeOf));

export const word = <T>(name: Word, ...operands: readonly (Expression<unknown> | Constant)[]): Value<T> =>
  asValue(wordNode(name, ...operands));

function nodeOf(operand: Expression<unknown> | Constant): OperationNode {
  if (typeof operand === 'object' && operand !== null) return operand.toOperationNode();
  // A number with a point is a DECIMAL to some engines.
  if (typeof operand === 'number' && !Number.isSafeInteger(operand)) return literal(operand).toOperationNode();
  return ValueNode.createImmediate(operand);
}

const typeNode = (type: SqlType) => word<never>(`type_${type}`);

const integers: readonly SqlType[] = ['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT'];

const castTo = <Type extends SqlType, From>(
  type: Type,
  value: Expression<From>,
): Value<SqlTypes[Type] | (unknown extends From ? never : NullOf<From>)> =>
  word(integers.includes(type) ? 'cast_to_integer' : 'cast', value, typeNode(type));

const castNullable = <Type extends SqlType>(type: Type, value: Expression<unknown>): Value<SqlTypes[Type] | null> =>
  castTo<Type, null>(type, value as Expression<null>);

/**
 * The value as another SQL type. One that does not fit stops the build; see `tryCast`. A raw fragment does not say
 * whether it may be NULL: `cast` takes it for never NULL, and `cast.nullable` is for one that may be.
 */
export const cast = Object.assign(castTo, { nullable: castNullable });

/** The value as a number, or NULL where its text is none. */
export const tryCast = <Type extends 'BIGINT' | 'DOUBLE'>(
  type: Type,
  text: Expression<unknown>,
): Value<SqlTypes[Type] | null> => word('try_cast', text, typeNode(type));

/** A constant: VARCHAR, BIGINT, BOOLEAN, INTEGER for a whole `number`, or else DOUBLE. */
export function literal<const T extends string | number | bigint | boolean>(
  value: T,
): Value<T extends string ? string : T extends bigint ? bigint : T extends boolean ? boolean : number> {
  const plain = asValue<unknown>(ValueNode.createImmediate(value));
  if (typeof value === 'bigint') return cast('BIGINT', plain) as never;
  const isInteger = typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 2 ** 31;
  return (typeof value !== 'number' || isInteger ? plain : cast('DOUBLE', plain)) as never;
}

/** NULL of a type. */
export const nothing = <Type extends SqlType>(type: Type): Value<SqlTypes[Type] | null> =>
  cast(type, asValue<null>(ValueNode.createImmediate(null)));

/**
 * Says that a nullable value is never NULL here, because a condition of the query excludes it. Not checked in the query:
 * a table refuses NULL in a column that does not allow it.
 */
export const neverNull = <T>(value: Expression<T>): Value<Exclude<T, null>> => asValue(value.toOperationNode());

/** The value of a query that gives one column of at most one row; NULL for none. */
export const scalar = <T>(query: Expression<Readonly<Record<string, T>>>): Value<T | null> =>
  asValue(query.toOperationNode());

/** True if the condition holds, and false if it does not; `ifUnknown` if it is NULL. */
export const holds = (condition: Condition, { ifUnknown = false } = {}): Value<boolean> =>
  asValue(FunctionNode.create('coalesce', [condition.toOperationNode(), ValueNode.createImmediate(ifUnknown)]));

/** For WHERE, HAVING and ON, in which NULL counts as false. */
export const condition = (value: Condition): Expression<SqlBool> => asValue(value.toOperationNode());

type Result<T> = T extends string
  ? string
  : T extends number
    ? number
    : T extends bigint
      ? bigint
      : T extends boolean
        ? boolean
        : T;

const resultNode = (value: Expression<unknown> | Exclude<Constant, null>): OperationNode =>
  typeof value === 'object' ? value.toOperationNode() : literal(value).toOperationNode();

type Outcome<T> = Expression<T> | Extract<T, Exclude<Constant, null>>;

/** The value of the first condition that holds; otherwise the last one, or NULL. For CASEs made from lists. */
export function choose<T>(cases: readonly (readonly [Condition, Outcome<T>])[]): Value<Result<T> | null>;
export function choose<T, Other>(
  cases: readonly (readonly [Condition, Outcome<T>])[],
  otherwise: Outcome<Other>,
): Value<Result<T> | Result<Other>>;
export function choose(
  cases: readonly (readonly [Condition, Outcome<unknown>])[],
  otherwise?: Outcome<unknown>,
): Value<unknown> {
  return caseOf(
    undefined,
    cases.map(([condition, value]) => [condition.toOperationNode(), value]),
    otherwise,
  );
}

/** The value of the entry that equals the subject; otherwise the last one, or NULL. */
export function match<T>(
  subject: Expression<string>,
  values: readonly (readonly [string, Outcome<T>])[],
): Value<Result<T> | null>;
export function match<T, Other>(
  subject: Expression<string>,
  values: readonly (readonly [string, Outcome<T>])[],
  otherwise: Outcome<Other>,
): Value<Result<T> | Result<Other>>;
export function match(
  subject: Expression<string>,
  values: readonly (readonly [string, Outcome<unknown>])[],
  otherwise?: Outcome<unknown>,
): Value<unknown> {
  return caseOf(
    subject,
    values.map(([text, value]) => [ValueNode.createImmediate(text), value]),
    otherwise,
  );
}

/** SQL has no CASE without a WHEN. */
function caseOf(
  subject: Expression<unknown> | undefined,
  cases: readonly (readonly [OperationNode, Outcome<unknown>])[],
  otherwise: Outcome<unknown> | undefined,
): Value<unknown> {
  if (cases.length === 0)
    return asValue(otherwise === undefined ? ValueNode.createImmediate(null) : resultNode(otherwise as never));
  const node: CaseNode = {
    ...CaseNode.create(subject?.toOperationNode()),
    when: cases.map(([when, then]) => WhenNode.cloneWithResult(WhenNode.create(when), resultNode(then as never))),
  };
  return asValue(otherwise === undefined ? node : CaseNode.cloneWith(node, { else: resultNode(otherwise as never) }));
}
