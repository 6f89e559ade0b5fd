//! A column of a group of rows: some rows of it decoded, and a place in them.

use ::parquet::column::reader::ColumnReader;
use ::parquet::data_type::ByteArray;
use ::parquet::schema::types::ColumnDescriptor;
use serde::Serialize;

use super::Problem;
use super::tree::Leaf;

/// A column, and what is decoded of it.
pub(super) struct Column {
    name: String,
    reader: ColumnReader,
    /// The definition level at which there is a value.
    full: i16,
    is_repeated: bool,
    values: Values,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    /// Entries that are decoded; those that are given, and how many of these had a value.
    entries: usize,
    at: usize,
    value: usize,
}

/// Values, one after another, without places for those that are null.
enum Values {
    Bools(Vec<bool>),
    Ints(Vec<i32>),
    Longs(Vec<i64>),
    Floats(Vec<f32>),
    Doubles(Vec<f64>),
    Texts(Vec<ByteArray>),
    /// Of a type that is refused before any is read.
    Others,
}

impl Column {
    pub(super) fn new(descriptor: &ColumnDescriptor, reader: ColumnReader) -> Self {
        let values = match &reader {
            ColumnReader::BoolColumnReader(_) => Values::Bools(Vec::new()),
            ColumnReader::Int32ColumnReader(_) => Values::Ints(Vec::new()),
            ColumnReader::Int64ColumnReader(_) => Values::Longs(Vec::new()),
            ColumnReader::FloatColumnReader(_) => Values::Floats(Vec::new()),
            ColumnReader::DoubleColumnReader(_) => Values::Doubles(Vec::new()),
            ColumnReader::ByteArrayColumnReader(_) => Values::Texts(Vec::new()),
            ColumnReader::Int96ColumnReader(_) | ColumnReader::FixedLenByteArrayColumnReader(_) => {
                Values::Others
            }
        };
        Self {
            name: descriptor.path().string(),
            reader,
            full: descriptor.max_def_level(),
            is_repeated: descriptor.max_rep_level() > 0,
            values,
            definitions: Vec::new(),
            repetitions: Vec::new(),
            entries: 0,
            at: 0,
            value: 0,
        }
    }

    /// Decodes the next `rows`, which are to be there, in the place of those before.
    pub(super) fn decode(&mut self, rows: usize) -> Result<(), Problem> {
        if self.at < self.entries {
            return Err(Problem::broken(&format!("column \"{}\" goes on where others end", self.name)));
        }
        let (read, values) = self.read(rows)?;
        self.entries = if self.full == 0 { values } else { self.definitions.len() };
        (self.at, self.value) = (0, 0);
        let levels = if self.is_repeated { self.repetitions.len() } else { self.entries };
        match read == rows && levels == self.entries {
            true => Ok(()),
            false => Err(Problem::broken(&self.ends())),
        }
    }

    /// Checks that the column has no more rows than were asked for.
    pub(super) fn check_end(&mut self) -> Result<(), Problem> {
        match self.at == self.entries && self.read(1)?.0 == 0 {
            true => Ok(()),
            false => Err(Problem::broken(&format!("column \"{}\" goes on where others end", self.name))),
        }
    }

    /// Reads rows: how many there were, and how many values.
    fn read(&mut self, rows: usize) -> Result<(usize, usize), Problem> {
        self.definitions.clear();
        self.repetitions.clear();
        let (definitions, repetitions) = (Some(&mut self.definitions), Some(&mut self.repetitions));
        macro_rules! read {
            ($reader:ident, $values:ident) => {{
                $values.clear();
                $reader.read_records(rows, definitions, repetitions, $values)?
            }};
        }
        let (rows, values, _) = match (&mut self.reader, &mut self.values) {
            (ColumnReader::BoolColumnReader(reader), Values::Bools(values)) => read!(reader, values),
            (ColumnReader::Int32ColumnReader(reader), Values::Ints(values)) => read!(reader, values),
            (ColumnReader::Int64ColumnReader(reader), Values::Longs(values)) => read!(reader, values),
            (ColumnReader::FloatColumnReader(reader), Values::Floats(values)) => read!(reader, values),
            (ColumnReader::DoubleColumnReader(reader), Values::Doubles(values)) => read!(reader, values),
            (ColumnReader::ByteArrayColumnReader(reader), Values::Texts(values)) => read!(reader, values),
            _ => return Err(Problem::broken("a column of another type than the schema says")),
        };
        Ok((rows, values))
    }

    /// The definition level of the next entry; `None` after the last.
    pub(super) fn definition(&self) -> Option<i16> {
        match self.at < self.entries {
            true if self.full == 0 => Some(0),
            true => self.definitions.get(self.at).copied(),
            false => None,
        }
    }

    /// The repetition level of the next entry.
    pub(super) fn repetition(&self) -> Option<i16> {
        self.repetitions.get(self.at).copied()
    }

    pub(super) fn ends(&self) -> String {
        format!("column \"{}\" ends too early", self.name)
    }

    /// Passes over an entry without a value.
    pub(super) fn skip(&mut self) -> Result<(), String> {
        match self.definition() {
            Some(definition) if definition < self.full => {
                self.at += 1;
                Ok(())
            }
            _ => Err(format!("column \"{}\" has a value in what is not there", self.name)),
        }
    }

    /// Writes the next value as JSON.
    pub(super) fn write(
        &mut self,
        leaf: Leaf,
        json: &mut Vec<u8>,
        wrong: &mut Option<String>,
    ) -> Result<(), String> {
        if self.definition() != Some(self.full) {
            return Err(format!("column \"{}\" lacks a value", self.name));
        }
        let place = self.value;
        (self.at, self.value) = (self.at + 1, self.value + 1);
        let ends = || format!("column \"{}\" ends too early", self.name);
        match &self.values {
            Values::Bools(values) => put(values.get(place).ok_or_else(ends)?, json),
            Values::Floats(values) => put(values.get(place).ok_or_else(ends)?, json),
            Values::Doubles(values) => put(values.get(place).ok_or_else(ends)?, json),
            Values::Ints(values) => {
                let value = *values.get(place).ok_or_else(ends)?;
                match leaf {
                    Leaf::Unsigned => put(&value.cast_unsigned(), json),
                    Leaf::Date => string(&date(i64::from(value)), json),
                    _ => put(&value, json),
                }
            }
            Values::Longs(values) => {
                let value = *values.get(place).ok_or_else(ends)?;
                match leaf {
                    Leaf::Unsigned => put(&value.cast_unsigned(), json),
                    Leaf::Timestamp(per_second, is_utc) => {
                        string(&timestamp(value, per_second, is_utc), json)
                    }
                    _ => put(&value, json),
                }
            }
            Values::Texts(values) => {
                let bytes = values.get(place).ok_or_else(ends)?.data();
                match std::str::from_utf8(bytes) {
                    Ok(text) => string(text, json),
                    Err(error) => {
                        let at = error.valid_up_to();
                        wrong.get_or_insert_with(|| {
                            format!("column \"{}\": not UTF-8 at byte {at} of it", self.name)
                        });
                    }
                }
            }
            Values::Others => return Err(format!("column \"{}\" is not read", self.name)),
        }
        Ok(())
    }
}

/// Appends a number or a truth value; NaN and infinities, which JSON has not, as null.
fn put(value: &impl Serialize, json: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = serde_json::to_writer(json, value);
}

/// Appends a string.
pub(super) fn string(text: &str, json: &mut Vec<u8>) {
    let _ = serde_json::to_writer(json, text);
}

/// The day so many days after the first of 1970, in the Gregorian calendar.
fn date(days: i64) -> String {
    let leap_days = |year: i64| {
        let before = year - 1;
        before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400)
    };
    let first = |year: i64| (year - 1970) * 365 + leap_days(year) - leap_days(1970);
    // 400 years have 146,097 days; what they say of a year is wrong by one at most.
    let mut year = 1971 + (days * 400).div_euclid(146_097);
    while first(year) > days {
        year -= 1;
    }
    let february = if first(year + 1) - first(year) == 366 { 29 } else { 28 };
    let (mut month, mut day) = (1, days - first(year));
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < length {
            break;
        }
        (month, day) = (month + 1, day - length);
    }
    format!("{year:04}-{month:02}-{:02}", day + 1)
}

/// A moment, so many units after the beginning of 1970.
fn timestamp(value: i64, per_second: i64, is_utc: bool) -> String {
    let (seconds, rest) = (value.div_euclid(per_second), value.rem_euclid(per_second));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let mut text = format!("{}T{:02}:{:02}:{:02}", date(days), second / 3600, second / 60 % 60, second % 60);
    if rest > 0 {
        let digits = per_second.ilog10() as usize;
        let fraction = format!(".{rest:0digits$}");
        text.push_str(fraction.trim_end_matches('0'));
    }
    if is_utc {
        text.push('Z');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates() {
        let check = |days, expected: &str| assert_eq!(date(days), expected, "{days}");
        check(0, "1970-01-01");
        check(-1, "1969-12-31");
        check(11_016, "2000-02-29");
        check(11_017, "2000-03-01");
        check(19_782, "2024-02-29");
        check(20_787, "2026-11-30");
        check(-25_509, "1900-02-28");
        check(-25_508, "1900-03-01");
        check(47_540, "2100-02-28");
        check(47_541, "2100-03-01");
        check(-719_162, "0001-01-01");
    }

    /// Every day is the one after the day before it, over 800 years.
    #[test]
    fn no_day_is_left_out() {
        let (mut year, mut month, mut day) = (1600_i64, 1, 1);
        for days in -135_140..157_055_i64 {
            assert_eq!(date(days), format!("{year:04}-{month:02}-{day:02}"), "{days}");
            let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let last = match month {
                2 if is_leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            (year, month, day) = match (month, day == last) {
                (12, true) => (year + 1, 1, 1),
                (_, true) => (year, month + 1, 1),
                _ => (year, month, day + 1),
            };
        }
    }

    #[test]
    fn moments_have_as_many_digits_as_they_need() {
        assert_eq!(timestamp(0, 1000, true), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(-1, 1000, true), "1969-12-31T23:59:59.999Z");
        assert_eq!(timestamp(1_796_068_800_500_000, 1_000_000, false), "2026-11-30T20:00:00.5");
        assert_eq!(timestamp(1_000_000_001, 1_000_000_000, true), "1970-01-01T00:00:01.000000001Z");
        assert_eq!(timestamp(i64::MIN, 1000, true), "-292275055-05-16T16:47:04.192Z");
    }
}
