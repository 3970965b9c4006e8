-- cast
cast("x" as Float32)
-- cast
accurateCast("n", 'Int16')
-- tryCast
accurateCastOrNull("name", 'Float64')
-- literal
'it''s'
-- literal
'\\d'
-- literal
accurateCast(7, 'Int64')
-- literal
7
-- literal
cast(0.9 as Float64)
-- literal
cast(1000000000000000 as Float64)
-- literal
true
-- nothing
cast(null as Date32)
-- neverNull
"no_x"
-- holds
coalesce("no_flag", false)
-- holds
coalesce("no_flag", true)
-- choose
case when "no_flag" then cast(1.5 as Float64) when "flag" then "x" end
-- choose
case when "flag" then accurateCast(1, 'Int64') else accurateCast(0, 'Int64') end
-- choose
"name"
-- match
case "name" when 'a b.c' then "n" else accurateCast(0, 'Int64') end
-- asOf
cast({as_of:DateTime64(6, 'UTC')} as DateTime64(6, 'UTC'))
-- dateLiteral
cast('2024-02-29' as Date32)
-- dayOf
cast("at" as Date32)
-- addDays
addDays("day", 1)
-- addDays
addDays("day", -30)
-- addDays
addDays("day", "id")
-- addMonths
addMonths("day", 12)
-- daysBetween
dateDiff('day', cast("at" as Date32), "day")
-- shift
addMicroseconds(cast("day" as DateTime64(6, 'UTC')), 28799999999)
-- epochMicroseconds
toUnixTimestamp64Micro(cast("at" as DateTime64(6, 'UTC')))
-- epochMilliseconds
toUnixTimestamp64Milli(cast("at" as DateTime64(3, 'UTC')))
-- epochMonths
dateDiff('month', toDate32('1970-01-01'), cast("at" as Date32))
-- fromEpochMicroseconds
fromUnixTimestamp64Micro("n", 'UTC')
-- fromEpochMonths
addMonths(toDateTime64('1970-01-01 00:00:00', 6, 'UTC'), "n")
-- firstOfMonth
addDays(cast("at" as Date32), 1 - toDayOfMonth(cast("at" as Date32)))
-- truncate
cast(date_trunc('week', "at") as DateTime64(6, 'UTC'))
-- truncate
cast(date_trunc('month', "day") as DateTime64(6, 'UTC'))
-- bucket
addMicroseconds(cast("at" as DateTime64(6, 'UTC')), -positiveModulo(toUnixTimestamp64Micro(cast("at" as DateTime64(6, 'UTC'))), 14400000 * 1000))
-- bucket
addMicroseconds(cast("at" as DateTime64(6, 'UTC')), -positiveModulo(toUnixTimestamp64Micro(cast("at" as DateTime64(6, 'UTC'))) - toUnixTimestamp64Micro(cast("day" as DateTime64(6, 'UTC'))), 259200000 * 1000))
-- formatInstant
formatDateTime("at", '%Y-%m-%dT%H:%i:%SZ', 'UTC')
-- parseYymmdd
cast(parseDateTimeOrNull(regexpExtract("name", '_(\\d{6})$', 1), '%y%m%d', 'UTC') as Nullable(Date32))
-- plus
("n" + 1)
-- minus
("x" - "id")
-- times
("x" * cast(0.5 as Float64))
-- divide
("n" / 2)
-- divide
("x" / nullif("x", cast(0.1 as Float64)))
-- intDivide
intDiv("n", 2)
-- remainder
("n" % 2)
-- isShare
("n" >= toDecimal64('0.9', 9) * accurateCast(10, 'Int64'))
-- abs
abs("n")
-- floor
floor("x")
-- ceil
ceil("x")
-- round
(sign("x") * floor(abs("x") * exp10(0) + 0.5) / exp10(0))
-- round
(sign(("x" * cast(-0.05 as Float64))) * floor(abs(("x" * cast(-0.05 as Float64))) * exp10(1) + 0.5) / exp10(1))
-- infinity
inf
-- isFiniteNumber
isFinite("x")
-- least
least("no_n", "n")
-- least
least("no_n", "no_n")
-- greatest
greatest("n", 0)
-- nullIf
nullif("n", 9)
-- concat
(('<' || "name") || '>')
-- concat
("name" || "no_name")
-- joinTexts
arrayStringConcat(arrayFilter(text -> text IS NOT NULL, ["no_name", "name", "name"]), '/')
-- joinTexts
arrayStringConcat(arrayFilter(text -> text IS NOT NULL, ["no_name"]), '/')
-- replace
replaceAll("name", 'T', 't')
-- replacePattern
replaceRegexpOne("name", '[A-Z]', '')
-- hasPattern
match("name", '_\\d{6}$')
-- extractPattern
regexpExtract("name", '([A-Z]+)', 1)
-- hasGlob
match("name", '^(?s:.) (?s:.)\\.[^ab]$')
-- hasGlob
match("name", '^(?s:.*)USDT$')
-- partOf
splitByString('_', "name")[2]
-- characters
toInt64(lengthUTF8("name"))
-- firstCharacters
leftUTF8("name", accurateCast(3, 'Int64'))
-- charactersFrom
substringUTF8("name", accurateCast(4, 'Int64'))
-- endsWith
endsWith("name", 'USDT')
-- percentEncode
encodeURLComponent("name")
-- contains
has(cast(['a b.c'] as Array(String)), "name")
-- contains
has(cast([] as Array(String)), "name")
-- unnest
arrayJoin(["n", "no_n"])
-- unnest
arrayJoin(range("n", accurateCast(-5, 'Int64')))
-- butFirst
arrayJoin(arrayPopFront(["n", accurateCast(1, 'Int64'), accurateCast(2, 'Int64')]))
-- butLast
arrayJoin(arrayPopBack(["n", accurateCast(1, 'Int64'), accurateCast(2, 'Int64')]))
-- unnestDays
cast(arrayJoin(arrayMap(days -> addDays(assumeNotNull("day"), days), range(toUInt64(greatest(ifNull(dateDiff('day', "day", cast('2024-03-02' as Date32)) + 1, 0), 0))))) as Date32)
-- unnestDays
cast(arrayJoin(arrayMap(days -> addDays(assumeNotNull(cast("no_time" as Date32)), days), range(toUInt64(greatest(ifNull(dateDiff('day', cast("no_time" as Date32), "day") + 1, 0), 0))))) as Date32)
-- allBits
toUInt64(18446744073709551615)
-- noBits
toUInt64(0)
-- bitAt
bitShiftLeft(toUInt64(1), abs("n"))
-- bitsSet
arrayJoin(arrayFilter(bit -> bitTest(bitShiftLeft(toUInt64(1), abs("n")), bit), range(64)))
-- bitsAnd
bitAnd(bitShiftLeft(toUInt64(1), abs("n")), bitShiftLeft(toUInt64(1), accurateCast(9, 'Int64')))
-- shiftRight
bitShiftRight(toUInt64(18446744073709551615), (abs("n") + 54))
-- decimal
cast(round(toDecimal256(toString("x"), 30), 10) as Decimal(38, 10))
-- decimal
cast(round(toDecimal256(toString('0.12345678905'), 30), 10) as Decimal(38, 10))
-- exactDecimal
cast(round(toDecimal256(toString(case when abs("x") < 100000 then cast(round(toDecimal256(toString(cast("x" as String)), 30), 13) as Decimal(18, 13)) when abs("x") < 10000000 then cast(round(toDecimal256(toString(cast("x" as String)), 30), 11) as Decimal(18, 11)) when abs("x") < 1000000000 then cast(round(toDecimal256(toString(cast("x" as String)), 30), 9) as Decimal(18, 9)) when abs("x") < 100000000000 then cast(round(toDecimal256(toString(cast("x" as String)), 30), 7) as Decimal(18, 7)) when abs("x") < 10000000000000 then cast(round(toDecimal256(toString(cast("x" as String)), 30), 5) as Decimal(18, 5)) when abs("x") < 1000000000000000 then cast(round(toDecimal256(toString(cast("x" as String)), 30), 3) as Decimal(18, 3)) when abs("x") < 100000000000000000 then cast(round(toDecimal256(toString(cast("x" as String)), 30), 1) as Decimal(18, 1)) end), 30), 13) as Decimal(38, 13))
-- count
count()
-- count
count("no_x")
-- countWhere
count() filter (where "flag")
-- countDistinct
count(distinct "n")
-- min
min("day")
-- max
max("at")
-- max
max("n") filter (where "no_flag")
-- max
max("name")
-- sum
accurateCast(sum("n"), 'Int64')
-- sum
accurateCast(sum("n") filter (where "flag"), 'Int64')
-- sumOfDoubles
cast(sum("x") as Float64)
-- sumOfDecimals
sum(cast(round(toDecimal256(toString("x"), 30), 1) as Decimal(38, 1)))
-- meanOfDecimals
avg(cast(round(toDecimal256(toString("x"), 30), 10) as Decimal(38, 10)))
-- exactSum
case when max(abs("x")) >= 100000000000000000 then cast(sum("x") as Float64) else cast(cast(sum(cast(round(toDecimal256(toString(case when abs("x") < 100000 then cast(round(toDecimal256(toString(cast("x" as String)), 30), 13) as Decimal(18, 13)) when abs("x") < 10000000 then cast(round(toDecimal256(toString(cast("x" as String)), 30), 11) as Decimal(18, 11)) when abs("x") < 1000000000 then cast(round(toDecimal256(toString(cast("x" as String)), 30), 9) as Decimal(18, 9)) when abs("x") < 100000000000 then cast(round(toDecimal256(toString(cast("x" as String)), 30), 7) as Decimal(18, 7)) when abs("x") < 10000000000000 then cast(round(toDecimal256(toString(cast("x" as String)), 30), 5) as Decimal(18, 5)) when abs("x") < 1000000000000000 then cast(round(toDecimal256(toString(cast("x" as String)), 30), 3) as Decimal(18, 3)) when abs("x") < 100000000000000000 then cast(round(toDecimal256(toString(cast("x" as String)), 30), 1) as Decimal(18, 1)) end), 30), 13) as Decimal(38, 13))) as String) as Float64) end
-- firstBy
argMin("name", "x")
-- lastBy
argMax("name", "day")
-- anyTrue
max("flag")
-- allTrue
min("flag")
-- anyBits
groupBitOr(bitShiftLeft(toUInt64(1), abs("n")))
-- sortedTexts
nullIf(arrayStringConcat(arraySort(groupArrayIf("name", "flag")), ' '), '')
-- sortedTexts
nullIf(arrayStringConcat(arraySort(groupArrayIf("name", "no_flag")), ' '), '')
-- rowNumber
row_number() over (order by "day" desc nulls last)
-- denseRank
dense_rank() over (order by "n" desc nulls last)
-- percentRank
percent_rank() over (order by "n", "id")
-- lag
lag(toNullable("n"), 1) over (order by "id")
-- lead
lead(toNullable("n"), 2) over (order by "id")
-- max
max("n") over (order by "id" rows between unbounded preceding and 1 preceding)
-- count
count("n") over (partition by "n" order by "id" rows between 29 preceding and current row)
-- sum
accurateCast(sum("n") filter (where "flag") over (), 'Int64')
-- rowHash
sipHash64(toString(tuple("n", "no_name")))
-- rowsDigest
toString(coalesce(sum(toUInt128(sipHash64(toString(tuple("n", "no_name"))))), 0))
-- scalar
(select abs("n") as "n")
-- unnestPairs
tupleElement(arrayJoin(arrayZip(["n"], ["x"])), 1)
-- unnestPairs (right)
tupleElement(arrayJoin(arrayZip(["n"], ["x"])), 2)
