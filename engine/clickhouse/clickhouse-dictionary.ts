import type { Dictionary } from '../vocabulary/spelling.ts';

/**
 * How ClickHouse writes the words of the vocabulary, so that each means what it means in DuckDB. Its queries need the
 * settings `join_use_nulls`, `aggregate_functions_null_for_empty` and `cast_keep_nullable`, all 1.
 *
 * Functions of the same name may do something else there: `length` counts bytes, `%M` formats the name of a month,
 * `round` rounds half to even, `concat_ws` is NULL if a text is, a cast wraps what does not fit.
 */
export const clickHouseDictionary: Dictionary = {
  // A backslash starts an escape in a text.
  escape: (text) => text.replaceAll('\\', '\\\\'),
  words: {
    type_BOOLEAN: 'Bool',
    type_TINYINT: 'Int8',
    type_SMALLINT: 'Int16',
    type_INTEGER: 'Int32',
    type_BIGINT: 'Int64',
    type_FLOAT: 'Float32',
    type_DOUBLE: 'Float64',
    type_VARCHAR: 'String',
    type_DATE: 'Date32',
    type_TIMESTAMP: "DateTime64(6, 'UTC')",
    cast: 'cast($1 as $2)',
    cast_to_integer: "accurateCast($1, '$2')",
    try_cast: "accurateCastOrNull($1, '$2')",
    // A DECIMAL made from a number is cut off, so its text is read with more digits than are kept.
    to_decimal: 'cast(round(toDecimal256(toString($1), 30), $3) as Decimal($2, $3))',

    as_of: "{as_of:DateTime64(6, 'UTC')}",
    add_days: 'addDays($1, $2)',
    add_months: 'addMonths($1, $2)',
    add_microseconds: "addMicroseconds(cast($1 as DateTime64(6, 'UTC')), $2)",
    days_between: "dateDiff('day', $1, $2)",
    epoch_microseconds: "toUnixTimestamp64Micro(cast($1 as DateTime64(6, 'UTC')))",
    epoch_milliseconds: "toUnixTimestamp64Milli(cast($1 as DateTime64(3, 'UTC')))",
    epoch_months: "dateDiff('month', toDate32('1970-01-01'), cast($1 as Date32))",
    from_epoch_microseconds: "fromUnixTimestamp64Micro($1, 'UTC')",
    from_epoch_months: "addMonths(toDateTime64('1970-01-01 00:00:00', 6, 'UTC'), $1)",
    // toStartOfMonth gives a Date, which begins in 1970.
    first_of_month: 'addDays(cast($1 as Date32), 1 - toDayOfMonth(cast($1 as Date32)))',
    truncate: "cast(date_trunc($2, $1) as DateTime64(6, 'UTC'))",
    bucket:
      "addMicroseconds(cast($1 as DateTime64(6, 'UTC')), -positiveModulo(toUnixTimestamp64Micro(cast($1 as DateTime64(6, 'UTC'))), $2 * 1000))",
    bucket_from:
      "addMicroseconds(cast($1 as DateTime64(6, 'UTC')), -positiveModulo(toUnixTimestamp64Micro(cast($1 as DateTime64(6, 'UTC'))) - toUnixTimestamp64Micro(cast($3 as DateTime64(6, 'UTC'))), $2 * 1000))",
    format_instant: "formatDateTime($1, '%Y-%m-%dT%H:%i:%SZ', 'UTC')",
    parse_yymmdd: "cast(parseDateTimeOrNull($1, '%y%m%d', 'UTC') as Nullable(Date32))",

    plus: '($1 + $2)',
    minus: '($1 - $2)',
    times: '($1 * $2)',
    divide: '($1 / $2)',
    int_divide: 'intDiv($1, $2)',
    remainder: '($1 % $2)',
    is_share: '($1 >= toDecimal64($2, 9) * $3)',
    abs: 'abs($1)',
    floor: 'floor($1)',
    ceil: 'ceil($1)',
    round: '(sign($1) * floor(abs($1) * exp10($2) + 0.5) / exp10($2))',
    infinity: 'inf',
    is_finite: 'isFinite($1)',
    least: 'least($1, $2)',
    greatest: 'greatest($1, $2)',
    null_if: 'nullif($1, $2)',

    concat: '($1 || $2)',
    join_texts: 'arrayStringConcat(arrayFilter(text -> text IS NOT NULL, [$+]), $1)',
    replace: 'replaceAll($1, $2, $3)',
    replace_pattern: 'replaceRegexpOne($1, $2, $3)',
    has_pattern: 'match($1, $2)',
    extract_pattern: 'regexpExtract($1, $2, 1)',
    has_glob: 'match($1, $3)',
    part_of: 'splitByString($2, $1)[$3]',
    characters: 'toInt64(lengthUTF8($1))',
    first_characters: 'leftUTF8($1, $2)',
    characters_from: 'substringUTF8($1, $2)',
    ends_with: 'endsWith($1, $2)',
    percent_encode: 'encodeURLComponent($1)',

    list: '[$*]',
    list_of_texts: 'cast([$*] as Array(String))',
    unnest: 'arrayJoin($1)',
    // Two arrayJoin of different lists make every pair; of the same one they are one.
    unnest_left: 'tupleElement(arrayJoin(arrayZip($1, $2)), 1)',
    unnest_right: 'tupleElement(arrayJoin(arrayZip($1, $2)), 2)',
    whole_numbers: 'range($1, $2)',
    days_from_to:
      "arrayMap(days -> addDays(assumeNotNull($1), days), range(toUInt64(greatest(ifNull(dateDiff('day', $1, $2) + 1, 0), 0))))",
    contains: 'has($1, $2)',
    but_first: 'arrayPopFront($1)',
    but_last: 'arrayPopBack($1)',
    no_bits: 'toUInt64(0)',
    all_bits: 'toUInt64(18446744073709551615)',
    bit_at: 'bitShiftLeft(toUInt64(1), $1)',
    bits_set: 'arrayFilter(bit -> bitTest($1, bit), range(64))',
    bits_and: 'bitAnd($1, $2)',
    shift_right: 'bitShiftRight($1, $2)',

    count_rows: 'count()',
    count: 'count($1)',
    count_distinct: 'count(distinct $1)',
    min: 'min($1)',
    max: 'max($1)',
    sum: 'sum($1)',
    mean: 'avg($1)',
    first_by: 'argMin($1, $2)',
    last_by: 'argMax($1, $2)',
    any_true: 'max($1)',
    all_true: 'min($1)',
    any_bits: 'groupBitOr($1)',
    sorted_texts: "nullIf(arrayStringConcat(arraySort(groupArrayIf($1, $3)), $2), '')",
    row_number: 'row_number()',
    dense_rank: 'dense_rank()',
    percent_rank: 'percent_rank()',
    // At the edge of a window there is the default of the type, unless that is Nullable.
    lag: 'lag(toNullable($1), $2)',
    lead: 'lead(toNullable($1), $2)',
    filter: '$1 filter (where $2)',
    over: '$1 over ($2)',

    // A hash of values of which one is NULL is NULL, and a sum of 64 bits wraps.
    row_hash: 'sipHash64(toString(tuple($*)))',
    rows_digest: 'toString(coalesce(sum(toUInt128(sipHash64(toString(tuple($*))))), 0))',
  },
};
