"""The functions of the expression language: every name that may be called, and how.

One row a function: signature, one line, an example and what it gives. The docs, completion and the
compiler read this one table; a test runs every example. Nothing outside it can be called. Left out
on purpose: whatever reads files, settings or the environment, and whatever changes between runs
(the clock, random numbers), because an equal flow over equal data gives an equal result.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from pypeline.schema.record import record

Group = Literal["text", "number", "date", "choice", "list", "aggregate"]


@record
class FunctionDoc:
    """A function. ``example`` gives ``result`` (both expressions; an aggregate's runs over the
    table :data:`SAMPLE`). ``most`` is None where any number of arguments may follow ``least``.
    ``nan`` says that the engine could answer NaN, which we turn into null."""

    name: str
    group: Group
    signature: str
    line: str
    example: str
    result: str
    least: int
    most: int | None
    nan: bool = False


def words(text: str) -> frozenset[str]:
    """The words of ``text``, as a set."""
    return frozenset(text.split())


SAMPLE = {"x": (1, 2, 3, None), "t": ("a", "b", "b", None)}
"""The table that the examples of aggregates run over, column by column."""

_TEXT = """
ascii(text) | code point of the first character | ascii('A') | 65
chr(code) | the character with this code point | chr(228) | 'ä'
concat(value, …) | values as one text; nulls are skipped | concat('a', null, 1) | 'a1'
concat_ws(separator, value, …) | values as one text with a separator between; nulls are skipped | concat_ws('-', 'a', null, 'b') | 'a-b'
contains(text, part) | whether text holds part | contains('openflights', 'fli') | true
ends_with(text, part) | whether text ends with part | ends_with('orders.csv', '.csv') | true
instr(text, part) | where part first stands in text, from 1; 0 when nowhere | instr('abc', 'c') | 3
jaro_winkler_similarity(a, b) | how alike two texts are, 0 to 1 | jaro_winkler_similarity('duck', 'duck') | 1.0
left(text, count) | the first characters | left('abcdef', 2) | 'ab'
length(text) | number of characters (of a list: of items) | length('Ärger') | 5
levenshtein(a, b) | edits that turn one text into the other | levenshtein('duck', 'dark') | 2
lower(text) | in small letters | lower('ABC') | 'abc'
lpad(text, count, fill) | filled on the left, or cut, to this many characters | lpad('7', 3, '0') | '007'
ltrim(text, [characters]) | without blanks (or these characters) on the left | ltrim('  a ') | 'a '
md5(text) | MD5 digest in hexadecimal | md5('a') | '0cc175b9c0f1b6a831c399e269772661'
nfc_normalize(text) | composed Unicode form, so that equal looking texts are equal | length(nfc_normalize('ä')) | 1
parse_filename(path, [without_ending]) | last part of a path | parse_filename('in/orders.csv', true) | 'orders'
regexp_extract(text, pattern, [group]) | first match of a regular expression, or a group of it; '' when none | regexp_extract('id=42', '=([0-9]+)', 1) | '42'
regexp_full_match(text, pattern) | whether the whole text matches a regular expression | regexp_full_match('abc', 'a.*') | true
regexp_matches(text, pattern) | whether a part of the text matches a regular expression | regexp_matches('Ärger', 'r.e') | true
regexp_replace(text, pattern, by, [options]) | first match replaced; all with option 'g' | regexp_replace('a1b2', '[0-9]', '', 'g') | 'ab'
repeat(text, count) | text this many times | repeat('ab', 3) | 'ababab'
replace(text, part, by) | every part replaced | replace('a.b.c', '.', '-') | 'a-b-c'
reverse(text) | characters from last to first | reverse('abc') | 'cba'
right(text, count) | the last characters | right('abcdef', 2) | 'ef'
rpad(text, count, fill) | filled on the right, or cut, to this many characters | rpad('7', 3, '.') | '7..'
rtrim(text, [characters]) | without blanks (or these characters) on the right | rtrim(' a  ') | ' a'
sha256(text) | SHA-256 digest in hexadecimal | left(sha256('a'), 8) | 'ca978112'
split_part(text, separator, number) | one part of a text, from 1; negative counts from the end | split_part('a-b-c', '-', 2) | 'b'
starts_with(text, part) | whether text starts with part | starts_with('orders.csv', 'ord') | true
strip_accents(text) | without accents | strip_accents('mühle') | 'muhle'
strpos(text, part) | same as instr | strpos('abc', 'b') | 2
substr(text, start, [count]) | same as substring | substr('abcdef', 3) | 'cdef'
substring(text, start, [count]) | characters from start, counted from 1 | substring('abcdef', 2, 3) | 'bcd'
translate(text, from, to) | characters replaced one by one | translate('abc', 'ab', 'xy') | 'xyc'
trim(text, [characters]) | without blanks (or these characters) at both ends | trim('  a  ') | 'a'
unicode(text) | code point of the first character | unicode('ä') | 228
upper(text) | in capitals | upper('abc') | 'ABC'
url_decode(text) | percent escapes read | url_decode('a%20b') | 'a b'
url_encode(text) | written with percent escapes | url_encode('a b') | 'a%20b'
"""

_NUMBER = """
abs(x) | without its sign | abs(-3) | 3
acos(x) | arc cosine; null outside -1 to 1 | acos(1) | 0.0
asin(x) | arc sine; null outside -1 to 1 | asin(0) | 0.0
atan(x) | arc tangent | atan(0) | 0.0
atan2(y, x) | angle of the point (x, y) | round(atan2(1, 1), 4) | 0.7854
cbrt(x) | cube root | round(cbrt(27), 9) | 3.0
ceil(x) | next whole number above | ceil(2.1) | 3
ceiling(x) | same as ceil | ceiling(2.1) | 3
cos(x) | cosine of radians | cos(0) | 1.0
degrees(x) | radians as degrees | round(degrees(pi()), 4) | 180.0
exp(x) | e to the power of x | exp(0) | 1.0
floor(x) | next whole number below | floor(-2.1) | -3
gcd(a, b) | greatest common divisor | gcd(12, 18) | 6
lcm(a, b) | least common multiple | lcm(4, 6) | 12
ln(x) | natural logarithm; null below 0 | ln(1) | 0.0
log(x) | logarithm to base 10; null below 0 | log(1000) | 3.0
log10(x) | same as log | log10(100) | 2.0
log2(x) | logarithm to base 2; null below 0 | log2(8) | 3.0
mod(a, b) | remainder with the sign of a, as `%`; null when b is 0 | mod(-7, 2) | -1
pi() | 3.14159… | round(pi(), 2) | 3.14
pow(x, y) | x to the power of y, as `**` | pow(2, 10) | 1024.0
power(x, y) | same as pow | power(3, 2) | 9.0
radians(x) | degrees as radians | round(radians(180), 4) | 3.1416
round(x, [digits]) | rounded, halves away from zero | round(-2.5) | -3
sign(x) | -1, 0 or 1 | sign(-7) | -1
sin(x) | sine of radians | sin(0) | 0.0
sqrt(x) | square root; null below 0 | sqrt(9) | 3.0
tan(x) | tangent of radians | tan(0) | 0.0
trunc(x) | without its fraction | trunc(-2.9) | -2
"""

_DATE = """
date_add(date, interval) | date plus an interval | date_add(date '2024-01-31', interval 1 month) | timestamp '2024-02-29'
date_diff(unit, start, end) | unit boundaries between two dates | date_diff('day', date '2024-01-31', date '2024-02-02') | 2
date_part(unit, date) | one part of a date, as extract | date_part('year', date '2024-05-06') | 2024
date_sub(unit, start, end) | whole units between two dates | date_sub('month', date '2024-01-31', date '2024-02-29') | 1
date_trunc(unit, date) | start of the unit that a date lies in | date_trunc('month', date '2024-05-06') | timestamp '2024-05-01'
day(date) | day of the month | day(date '2024-05-06') | 6
dayname(date) | English name of the day | dayname(date '2024-05-06') | 'Monday'
dayofweek(date) | 0 Sunday to 6 Saturday | dayofweek(date '2024-03-31') | 0
dayofyear(date) | 1 to 366 | dayofyear(date '2024-02-01') | 32
epoch(timestamp) | seconds since 1970 | epoch(timestamp '1970-01-01 00:01:00') | 60.0
hour(timestamp) | 0 to 23 | hour(timestamp '2024-05-06 07:08:09') | 7
isodow(date) | 1 Monday to 7 Sunday | isodow(date '2024-03-31') | 7
isoyear(date) | year of the ISO week | isoyear(date '2024-12-30') | 2025
last_day(date) | last day of the month | last_day(date '2024-02-10') | date '2024-02-29'
make_date(year, month, day) | a date | make_date(2024, 2, 29) | date '2024-02-29'
make_timestamp(year, month, day, hour, minute, second) | a timestamp | make_timestamp(2024, 1, 2, 3, 4, 5) | timestamp '2024-01-02 03:04:05'
minute(timestamp) | 0 to 59 | minute(timestamp '2024-05-06 07:08:09') | 8
month(date) | 1 to 12 | month(date '2024-05-06') | 5
monthname(date) | English name of the month | monthname(date '2024-05-06') | 'May'
quarter(date) | 1 to 4 | quarter(date '2024-05-06') | 2
second(timestamp) | 0 to 59 | second(timestamp '2024-05-06 07:08:09') | 9
strftime(date, format) | date as text in a format | strftime(date '2024-05-06', '%d.%m.%Y') | '06.05.2024'
strptime(text, format) | text in a format as timestamp; an error where it does not fit | strptime('06.05.2024', '%d.%m.%Y') | timestamp '2024-05-06'
time_bucket(width, timestamp) | start of the slice of this width | time_bucket(interval 7 day, date '2024-05-06') | date '2024-05-06'
to_days(count) | an interval of days | date '2024-01-01' + to_days(31) | timestamp '2024-02-01'
to_hours(count) | an interval of hours | timestamp '2024-01-01' + to_hours(2) | timestamp '2024-01-01 02:00:00'
to_minutes(count) | an interval of minutes | timestamp '2024-01-01' + to_minutes(2) | timestamp '2024-01-01 00:02:00'
to_months(count) | an interval of months | date '2024-01-31' + to_months(1) | timestamp '2024-02-29'
to_seconds(count) | an interval of seconds | timestamp '2024-01-01' + to_seconds(2) | timestamp '2024-01-01 00:00:02'
to_years(count) | an interval of years | date '2024-02-29' + to_years(1) | timestamp '2025-02-28'
try_strptime(text, format) | text in a format as timestamp; null where it does not fit | try_strptime('x', '%Y') | null
week(date) | ISO week, 1 to 53 | week(date '2024-12-30') | 1
year(date) | the year | year(date '2024-05-06') | 2024
"""

_CHOICE = """
coalesce(value, …) | first value that is not null | coalesce(null, 2, 3) | 2
greatest(value, …) | largest value; nulls are skipped | greatest(1, null, 3) | 3
if(condition, then, else) | then where the condition is true, else otherwise | if(1 > 2, 'a', 'b') | 'b'
ifnull(value, other) | other where value is null | ifnull(null, 0) | 0
isfinite(x) | whether a number is neither infinite nor NaN | isfinite(1.5) | true
isinf(x) | whether a number is infinite | isinf(1.5) | false
isnan(x) | whether a number is NaN (as it may come from a file) | isnan(1.5) | false
least(value, …) | smallest value; nulls are skipped | least(1, null, 3) | 1
nullif(a, b) | null where both are equal, else a | nullif(1, 1) | null
"""

_LIST = """
array_to_string(list, separator) | items as one text | array_to_string(string_split('a-b', '-'), '+') | 'a+b'
json_extract_string(json, path) | a value of a JSON text, as text | json_extract_string('{"a": {"b": 1}}', '$.a.b') | '1'
json_valid(text) | whether a text is JSON | json_valid('{') | false
list_contains(list, value) | whether a list holds a value | list_contains(string_split('a-b', '-'), 'b') | true
list_extract(list, number) | one item, from 1; null outside | list_extract(string_split('a-b', '-'), 2) | 'b'
string_split(text, separator) | parts of a text as a list | length(string_split('a-b-c', '-')) | 3
struct_extract(struct, 'field') | a field of a struct | if(true, 1, struct_extract(null, 'a')) | 1
"""

_AGGREGATE = """
any_value(value) | some value that is not null | any_value(x) | 1
approx_count_distinct(value) | about how many different values; fast | approx_count_distinct(t) | 2
arg_max(value, by) | value of the row where by is largest | arg_max(t, x) | 'b'
arg_min(value, by) | value of the row where by is smallest | arg_min(t, x) | 'a'
avg(x) | mean | avg(x) | 2.0
bool_and(condition) | whether all are true | bool_and(x > 1) | false
bool_or(condition) | whether one is true | bool_or(x > 2) | true
corr(y, x) | correlation | corr(x, x) | 1.0
count([value]) | rows; of a value: those where it is not null | count(x) | 3
count_if(condition) | rows where the condition is true | count_if(x >= 2) | 2
covar_pop(y, x) | population covariance | round(covar_pop(x, x), 4) | 0.6667
covar_samp(y, x) | sample covariance | covar_samp(x, x) | 1.0
first(value) | value of the first row met | first(x) | 1
kurtosis(x) | excess kurtosis | kurtosis(x) | null
last(value) | value of the last row met | last(t) | null
list(value) | all values as a list | length(list(x)) | 4
mad(x) | median distance to the median | mad(x) | 1.0
max(value) | largest value | max(x) | 3
median(x) | middle value | median(x) | 2.0
min(value) | smallest value | min(t) | 'a'
mode(value) | most frequent value | mode(t) | 'b'
product(x) | all values multiplied | product(x) | 6.0
quantile_cont(x, share) | quantile, interpolated | quantile_cont(x, 0.25) | 1.5
quantile_disc(x, share) | quantile, an existing value | quantile_disc(x, 0.5) | 2
skewness(x) | skewness | skewness(x) | 0.0
stddev(x) | sample standard deviation | stddev(x) | 1.0
stddev_pop(x) | population standard deviation | round(stddev_pop(x), 4) | 0.8165
string_agg(text, separator) | all texts as one | string_agg(t, '+' order by t) | 'a+b+b'
sum(x) | sum; null over no values | sum(x) | 6
var_pop(x) | population variance | round(var_pop(x), 4) | 0.6667
variance(x) | sample variance | variance(x) | 1.0
"""

_NAN = words("acos asin cos ln log log10 log2 pow power sin sqrt tan corr kurtosis skewness stddev stddev_pop variance var_pop covar_pop covar_samp")


def _rows(group: Group, table: str) -> list[FunctionDoc]:
    docs = []
    for row in table.strip().splitlines():
        signature, line, example, result = (part.strip() for part in row.split(" | "))
        name, _, inside = signature.partition("(")
        arguments = [a for a in inside[:-1].split(", ") if a]
        least = sum(not a.startswith("[") and a != "…" for a in arguments)
        most = None if "…" in arguments else len(arguments)
        docs.append(FunctionDoc(name, group, signature, line, example, result, least, most, name in _NAN))
    return docs


FUNCTIONS: Mapping[str, FunctionDoc] = MappingProxyType(
    {
        doc.name: doc
        for doc in (
            *_rows("text", _TEXT),
            *_rows("number", _NUMBER),
            *_rows("date", _DATE),
            *_rows("choice", _CHOICE),
            *_rows("list", _LIST),
            *_rows("aggregate", _AGGREGATE),
        )
    }
)
"""Every function by name."""

CHANGING = words(
    "now today current_date current_time current_timestamp localtime localtimestamp get_current_timestamp get_current_time transaction_timestamp "
    "random rand setseed uuid gen_random_uuid uuidv4 uuidv7 nextval currval txid_current"
)
"""Functions whose answer changes between runs; refused with advice of their own."""

WINDOW_ONLY = words("row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value")
"""Functions that mean something over a window only."""
