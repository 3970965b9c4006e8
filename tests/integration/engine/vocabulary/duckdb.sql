-- cast
cast("x" as FLOAT)
-- cast
cast("n" as SMALLINT)
-- tryCast
try_cast("name" as DOUBLE)
-- literal
'it''s'
-- literal
'\d'
-- literal
cast(7 as BIGINT)
-- literal
7
-- literal
cast(0.9 as DOUBLE)
-- literal
cast(1000000000000000 as DOUBLE)
-- literal
true
-- nothing
cast(null as DATE)
-- neverNull
"no_x"
-- holds
coalesce("no_flag", false)
-- holds
coalesce("no_flag", true)
-- choose
case when "no_flag" then cast(1.5 as DOUBLE) when "flag" then "x" end
-- choose
case when "flag" then cast(1 as BIGINT) else cast(0 as BIGINT) end
-- choose
"name"
-- match
case "name" when 'a b.c' then "n" else cast(0 as BIGINT) end
-- asOf
cast(getvariable('as_of') as TIMESTAMP)
-- dateLiteral
cast('2024-02-29' as DATE)
-- dayOf
cast("at" as DATE)
-- addDays
("day" + 1)
-- addDays
("day" + -30)
-- addDays
("day" + "id")
-- addMonths
cast("day" + to_months(12) as DATE)
-- daysBetween
("day" - cast("at" as DATE))
-- shift
("day" + to_microseconds(28799999999))
-- epochMicroseconds
epoch_us("at")
-- epochMilliseconds
epoch_ms("at")
-- epochMonths
date_diff('month', DATE '1970-01-01', cast("at" as DATE))
-- fromEpochMicroseconds
make_timestamp("n")
-- fromEpochMonths
(DATE '1970-01-01' + to_months(cast("n" as INTEGER)))
-- firstOfMonth
cast(date_trunc('month', "at") as DATE)
-- truncate
cast(date_trunc('week', "at") as TIMESTAMP)
-- truncate
cast(date_trunc('month', "day") as TIMESTAMP)
-- bucket
time_bucket(to_milliseconds(14400000), "at")
-- bucket
time_bucket(to_milliseconds(259200000), "at", "day")
-- formatInstant
strftime("at", '%Y-%m-%dT%H:%M:%SZ')
-- parseYymmdd
cast(try_strptime(regexp_extract("name", '_(\d{6})$', 1), '%y%m%d') as DATE)
-- plus
("n" + 1)
-- minus
("x" - "id")
-- times
("x" * cast(0.5 as DOUBLE))
-- divide
("n" / 2)
-- divide
("x" / nullif("x", cast(0.1 as DOUBLE)))
-- intDivide
("n" // 2)
-- remainder
("n" % 2)
-- isShare
("n" >= cast('0.9' as DECIMAL(18, 9)) * cast(10 as BIGINT))
-- abs
abs("n")
-- floor
floor("x")
-- ceil
ceil("x")
-- round
round("x", 0)
-- round
round(("x" * cast(-0.05 as DOUBLE)), 1)
-- infinity
cast('inf' as DOUBLE)
-- isFiniteNumber
isfinite("x")
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
concat_ws('/', "no_name", "name", "name")
-- joinTexts
concat_ws('/', "no_name")
-- replace
replace("name", 'T', 't')
-- replacePattern
regexp_replace("name", '[A-Z]', '')
-- hasPattern
regexp_matches("name", '_\d{6}$')
-- extractPattern
regexp_extract("name", '([A-Z]+)', 1)
-- hasGlob
("name" glob '? ?.[!ab]')
-- hasGlob
("name" glob '*USDT')
-- partOf
split_part("name", '_', 2)
-- characters
length("name")
-- firstCharacters
left("name", cast(3 as BIGINT))
-- charactersFrom
substr("name", cast(4 as BIGINT))
-- endsWith
ends_with("name", 'USDT')
-- percentEncode
replace(url_encode("name"), '+', '%20')
-- contains
list_contains(cast(['a b.c'] as VARCHAR[]), "name")
-- contains
list_contains(cast([] as VARCHAR[]), "name")
-- unnest
unnest(["n", "no_n"])
-- unnest
unnest(range("n", cast(-5 as BIGINT)))
-- butFirst
unnest((["n", cast(1 as BIGINT), cast(2 as BIGINT)])[2:])
-- butLast
unnest((["n", cast(1 as BIGINT), cast(2 as BIGINT)])[:-2])
-- unnestDays
cast(unnest(generate_series("day", cast('2024-03-02' as DATE), interval 1 day)) as DATE)
-- unnestDays
cast(unnest(generate_series(cast("no_time" as DATE), "day", interval 1 day)) as DATE)
-- allBits
18446744073709551615::UBIGINT
-- noBits
0::UBIGINT
-- bitAt
(1::UBIGINT << cast(abs("n") as UBIGINT))
-- bitsSet
unnest(list_filter(range(64), lambda bit: ((1::UBIGINT << cast(abs("n") as UBIGINT)) >> cast(bit as UBIGINT)) & 1 = 1))
-- bitsAnd
((1::UBIGINT << cast(abs("n") as UBIGINT)) & (1::UBIGINT << cast(cast(9 as BIGINT) as UBIGINT)))
-- shiftRight
(18446744073709551615::UBIGINT >> cast((abs("n") + 54) as UBIGINT))
-- decimal
cast("x" as DECIMAL(38, 10))
-- decimal
cast('0.12345678905' as DECIMAL(38, 10))
-- exactDecimal
cast(case when abs("x") < 100000 then cast(cast("x" as VARCHAR) as DECIMAL(18, 13)) when abs("x") < 10000000 then cast(cast("x" as VARCHAR) as DECIMAL(18, 11)) when abs("x") < 1000000000 then cast(cast("x" as VARCHAR) as DECIMAL(18, 9)) when abs("x") < 100000000000 then cast(cast("x" as VARCHAR) as DECIMAL(18, 7)) when abs("x") < 10000000000000 then cast(cast("x" as VARCHAR) as DECIMAL(18, 5)) when abs("x") < 1000000000000000 then cast(cast("x" as VARCHAR) as DECIMAL(18, 3)) when abs("x") < 100000000000000000 then cast(cast("x" as VARCHAR) as DECIMAL(18, 1)) end as DECIMAL(38, 13))
-- count
count(*)
-- count
count("no_x")
-- countWhere
count(*) filter (where "flag")
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
cast(sum("n") as BIGINT)
-- sum
cast(sum("n") filter (where "flag") as BIGINT)
-- sumOfDoubles
cast(sum("x") as DOUBLE)
-- sumOfDecimals
sum(cast("x" as DECIMAL(38, 1)))
-- meanOfDecimals
avg(cast("x" as DECIMAL(38, 10)))
-- exactSum
case when max(abs("x")) >= 100000000000000000 then cast(sum("x") as DOUBLE) else cast(cast(sum(cast(case when abs("x") < 100000 then cast(cast("x" as VARCHAR) as DECIMAL(18, 13)) when abs("x") < 10000000 then cast(cast("x" as VARCHAR) as DECIMAL(18, 11)) when abs("x") < 1000000000 then cast(cast("x" as VARCHAR) as DECIMAL(18, 9)) when abs("x") < 100000000000 then cast(cast("x" as VARCHAR) as DECIMAL(18, 7)) when abs("x") < 10000000000000 then cast(cast("x" as VARCHAR) as DECIMAL(18, 5)) when abs("x") < 1000000000000000 then cast(cast("x" as VARCHAR) as DECIMAL(18, 3)) when abs("x") < 100000000000000000 then cast(cast("x" as VARCHAR) as DECIMAL(18, 1)) end as DECIMAL(38, 13))) as VARCHAR) as DOUBLE) end
-- firstBy
arg_min("name", "x")
-- lastBy
arg_max("name", "day")
-- anyTrue
bool_or("flag")
-- allTrue
bool_and("flag")
-- anyBits
bit_or((1::UBIGINT << cast(abs("n") as UBIGINT)))
-- sortedTexts
string_agg("name", ' ' order by "name") filter (where "flag")
-- sortedTexts
string_agg("name", ' ' order by "name") filter (where "no_flag")
-- rowNumber
row_number() over (order by "day" desc nulls last)
-- denseRank
dense_rank() over (order by "n" desc nulls last)
-- percentRank
percent_rank() over (order by "n", "id")
-- lag
lag("n", 1) over (order by "id")
-- lead
lead("n", 2) over (order by "id")
-- max
max("n") over (order by "id" rows between unbounded preceding and 1 preceding)
-- count
count("n") over (partition by "n" order by "id" rows between 29 preceding and current row)
-- sum
cast(sum("n") filter (where "flag") over () as BIGINT)
-- rowHash
hash("n", "no_name")
-- rowsDigest
cast(coalesce(sum(hash("n", "no_name")), 0) as VARCHAR)
-- scalar
(select abs("n") as "n")
-- unnestPairs
unnest(["n"])
-- unnestPairs (right)
unnest(["x"])
