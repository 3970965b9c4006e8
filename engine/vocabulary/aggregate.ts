import {
  type Expression,
  ExpressionWrapper,
  type OperationNode,
  OrderByItemNode,
  OrderByNode,
  PartitionByItemNode,
  PartitionByNode,
  RawNode,
} from 'kysely';
import type { Bits } from './list.ts';
import { asValue, type Condition, cast, type Decimal, type NullOf, type Value, word, wordNode } from './value.ts';

type Many<T> = T | readonly T[];

interface Descending {
  readonly descending: Expression<unknown>;
}

/** The largest first, NULL last. */
export const descending = (value: Expression<unknown>): Descending => ({ descending: value });

/** The rows that a window function looks at. */
export interface Window {
  readonly partitionBy?: Many<Expression<unknown>>;
  readonly orderBy?: Many<Expression<unknown> | Descending>;
  /** The number of rows before the current one, which is included; `before` for all before it. By default all up to it. */
  readonly rows?: { readonly preceding: number } | 'before';
}

const manyOf = <T>(many: Many<T>): readonly T[] => (Array.isArray(many) ? many : [many as T]);

function orderOf(order: Expression<unknown> | Descending): OperationNode {
  if (!('descending' in order)) return OrderByItemNode.create(order.toOperationNode());
  const item = OrderByItemNode.create(order.descending.toOperationNode(), RawNode.createWithSql('desc'));
  return OrderByItemNode.cloneWith(item, { nulls: 'last' });
}

/** `partition by … order by … rows …`. */
function windowNode({ partitionBy, orderBy, rows }: Window): OperationNode {
  const parts: OperationNode[] = [];
  if (partitionBy !== undefined)
    parts.push(
      PartitionByNode.create(
        manyOf(partitionBy).map((one) => PartitionByItemNode.create(one.toOperationNode() as never)),
      ),
    );
  if (orderBy !== undefined) parts.push(OrderByNode.create(manyOf(orderBy).map((one) => orderOf(one) as never)));
  if (rows === 'before') parts.push(RawNode.createWithSql('rows between unbounded preceding and 1 preceding'));
  else if (rows !== undefined)
    parts.push(RawNode.createWithSql(`rows between ${Math.trunc(rows.preceding)} preceding and current row`));
  return RawNode.create(['', ...parts.map((_, at) => (at === parts.length - 1 ? '' : ' '))], parts);
}

const overNode = (call: OperationNode, window: Window): OperationNode =>
  wordNode('over', asValue(call), asValue(windowNode(window)));

/**
 * An aggregate. `Group` is its type for a group of rows, and it is NULL for no rows, unless it counts them. A query without
 * GROUP BY may have no rows; `ofGroup` declares that there is a group.
 */
export class Aggregate<Group, None = null> extends ExpressionWrapper<never, never, Group | None> {
  readonly #call: OperationNode;
  readonly #finish: (call: Expression<unknown>) => Expression<unknown>;

  constructor(call: OperationNode, finish: (call: Expression<unknown>) => Expression<unknown> = (plain) => plain) {
    super(finish(asValue(call)).toOperationNode());
    this.#call = call;
    this.#finish = finish;
  }

  /** Restricts it to rows for which a condition holds. */
  filter(condition: Condition): Aggregate<Group | None, None> {
    return new Aggregate(wordNode('filter', asValue(this.#call), condition), this.#finish);
  }

  /** Computes it over the window of each row. */
  over(window: Window & { readonly rows: 'before' }): Value<Group | None>;
  over(window?: Window): Value<Group>;
  over(window: Window = {}): Value<Group> {
    return asValue(this.#finish(asValue(overNode(this.#call, window))).toOperationNode());
  }

  /** The same, where a GROUP BY sees to it that there is a row. */
  ofGroup(): Value<Group> {
    return asValue(this.toOperationNode());
  }
}

/** Rows. */
export function count(): Aggregate<bigint, never>;
/** Values that are not NULL. */
export function count(value: Expression<unknown>): Aggregate<bigint, never>;
export function count(value?: Expression<unknown>): Aggregate<bigint, never> {
  return new Aggregate(value === undefined ? wordNode('count_rows') : wordNode('count', value));
}

/** Rows for which a condition holds. */
export const countWhere = (condition: Condition): Aggregate<bigint, never> => count().filter(condition);

export const countDistinct = (value: Expression<unknown>): Aggregate<bigint, never> =>
  new Aggregate(wordNode('count_distinct', value));

/** The smallest value; a NaN is larger than any other number. */
export const min = <T>(value: Expression<T>): Aggregate<T> => new Aggregate(wordNode('min', value));
/** The largest value; a NaN is larger than any other number. */
export const max = <T>(value: Expression<T>): Aggregate<T> => new Aggregate(wordNode('max', value));

/** The sum of BIGINT values, as BIGINT. */
export const sum = <T extends bigint | null>(value: Expression<T>): Aggregate<T> =>
  new Aggregate(wordNode('sum', value), (call) => cast('BIGINT', call));

/** The sum of DOUBLE values. Its last digits depend on the order in which threads add: see `exactSum`. */
export const sumOfDoubles = <T extends number | null>(value: Expression<T>): Aggregate<T> =>
  new Aggregate(wordNode('sum', value), (call) => cast('DOUBLE', call));

/** The exact sum of DECIMAL values. */
export const sumOfDecimals = <T extends Decimal | null>(value: Expression<T>): Aggregate<T> =>
  new Aggregate(wordNode('sum', value));

/** The mean of DECIMAL values, which are added exactly, as DOUBLE. */
export const meanOfDecimals = <T extends Decimal | null>(value: Expression<T>): Aggregate<number | NullOf<T>> =>
  new Aggregate(wordNode('mean', value));

/** The value of the row in which another one is smallest, of rows in which both are not NULL. */
export const firstBy = <T>(value: Expression<T>, order: Expression<unknown>): Aggregate<T> =>
  new Aggregate(wordNode('first_by', value, order));
/** The value of the row in which another one is largest, of rows in which both are not NULL. */
export const lastBy = <T>(value: Expression<T>, order: Expression<unknown>): Aggregate<T> =>
  new Aggregate(wordNode('last_by', value, order));

/** True if the condition holds for a row; NULL if it is NULL for every row. */
export const anyTrue = (condition: Condition): Aggregate<boolean | null> =>
  new Aggregate(wordNode('any_true', condition));
/** True if the condition holds for each row in which it is not NULL. */
export const allTrue = (condition: Condition): Aggregate<boolean | null> =>
  new Aggregate(wordNode('all_true', condition));

/** Bits that are set in a row. */
export const anyBits = (bits: Expression<Bits>): Aggregate<Bits> => new Aggregate(wordNode('any_bits', bits));

/** The texts of the rows for which a condition holds, sorted, with a separator between them; NULL if there are none. */
export const sortedTexts = (
  text: Expression<string | null>,
  separator: string,
  condition: Condition,
): Value<string | null> => word('sorted_texts', text, separator, condition);

/** A function that has a value only over a window. */
interface WindowFunction<T> {
  over(window?: Window): Value<T>;
}

const windowFunction = <T>(call: OperationNode): WindowFunction<T> => ({
  over: (window = {}) => asValue(overNode(call, window)),
});

/** 1, 2, 3 …, in the order of the window; without one in any order. */
export const rowNumber = (): WindowFunction<bigint> => windowFunction(wordNode('row_number'));

/** The place of a row from 1; equal rows share one, and the next place follows without a hole. */
export const denseRank = (): WindowFunction<bigint> => windowFunction(wordNode('dense_rank'));

/** From 0 for the first row to 1 for the last one. */
export const percentRank = (): WindowFunction<number> => windowFunction(wordNode('percent_rank'));

/** The value that many rows before; NULL if there is no such row. */
export const lag = <T>(value: Expression<T>, rows = 1): WindowFunction<T | null> =>
  windowFunction(wordNode('lag', value, rows));

/** The value that many rows after; NULL if there is no such row. */
export const lead = <T>(value: Expression<T>, rows = 1): WindowFunction<T | null> =>
  windowFunction(wordNode('lead', value, rows));
