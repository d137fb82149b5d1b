//! TIMESTAMP's text form and the calendar behind it: UTC, proleptic Gregorian, microseconds since 1970.
//! Never knows what time it is.

use std::fmt;

pub const MICROS_PER_SECOND: i64 = 1_000_000;
pub const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// 1583-01-01 and 9999-12-31 23:59:59.999999, between which VoltDB's functions take a TIMESTAMP.
const VALID_US: std::ops::RangeInclusive<i64> = -12_212_553_600_000_000..=253_402_300_799_999_999;

/// Whether a moment lies in the years 1583 to 9999.
pub fn is_valid(timestamp_us: i64) -> bool {
    VALID_US.contains(&timestamp_us)
}

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    pub year: i32,
    /// From 1.
    pub month: u32,
    /// From 1.
    pub day: u32,
}

impl Date {
    /// Of a count of days since 1970-01-01. Every day that a TIMESTAMP can hold fits.
    pub fn from_days(days: i64) -> Date {
        // Counted from 0000-03-01, so that a leap day ends its year, in eras of 400 years.
        const DAYS_PER_ERA: i64 = 146_097;
        let days = days + 719_468;
        let era = days.div_euclid(DAYS_PER_ERA);
        let day_of_era = days.rem_euclid(DAYS_PER_ERA);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Date { year: year as i32, month: month as u32, day: day as u32 }
    }

    /// Days since 1970-01-01.
    pub fn to_days(self) -> i64 {
        let year = i64::from(self.year) - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let month = i64::from(self.month);
        let shifted_month = if month > 2 { month - 3 } else { month + 9 };
        let day_of_year = (153 * shifted_month + 2) / 5 + i64::from(self.day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }

    /// Whether the calendar has this day.
    pub fn exists(self) -> bool {
        (1..=12).contains(&self.month) && self.day >= 1 && Date::from_days(self.to_days()) == self
    }
}

/// The day a moment falls on.
pub fn date_of(timestamp_us: i64) -> Date {
    Date::from_days(timestamp_us.div_euclid(MICROS_PER_DAY))
}

/// Prints a moment as VoltDB does: `yyyy-MM-dd hh:mm:ss.ffffff`.
#[derive(Clone, Copy, Debug)]
pub struct Display(pub i64);

impl fmt::Display for Display {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Date { year, month, day } = date_of(self.0);
        let micros = self.0.rem_euclid(MICROS_PER_DAY);
        let seconds = micros / MICROS_PER_SECOND;
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let fraction = micros % MICROS_PER_SECOND;
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{fraction:06}")
    }
}

/// Reads `YYYY-MM-DD[ hh:mm:ss[.fraction]]`, `T` for the space allowed, as microseconds since 1970.
/// `None` for anything else, for days that don't exist, and for a fraction finer than a microsecond.
pub fn parse_timestamp(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let date = bytes.get(..10)?;
    if date[4] != b'-' || date[7] != b'-' {
        return None;
    }
    let date = Date {
        year: number(&date[..4])? as i32,
        month: number(&date[5..7])? as u32,
        day: number(&date[8..])? as u32,
    };
    if !date.exists() {
        return None;
    }
    let midnight = date.to_days() * MICROS_PER_DAY;
    let rest = &bytes[10..];
    if rest.is_empty() { Some(midnight) } else { Some(midnight + time_of_day(rest)?) }
}

/// Microseconds of ` hh:mm:ss[.fraction]`.
fn time_of_day(text: &[u8]) -> Option<i64> {
    let time = text.get(..9)?;
    if !matches!(time[0], b' ' | b'T') || time[3] != b':' || time[6] != b':' {
        return None;
    }
    let (hour, minute, second) = (number(&time[1..3])?, number(&time[4..6])?, number(&time[7..])?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = match text[9..].split_first() {
        None => 0,
        Some((b'.', digits)) => fraction_us(digits)?,
        Some(_) => return None,
    };
    Some((hour * 3600 + minute * 60 + second) * MICROS_PER_SECOND + fraction)
}

fn fraction_us(digits: &[u8]) -> Option<i64> {
    let (micros, finer) = digits.split_at(digits.len().min(6));
    if micros.is_empty() || digits.len() > 9 || finer.iter().any(|digit| *digit != b'0') {
        return None;
    }
    Some(number(micros)? * 10_i64.pow(6 - micros.len() as u32))
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |sum, b| b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(parse_timestamp(text), expected, "{text}");
        check("1970-01-01", Some(0));
        check("1970-01-01 00:00:00.000001", Some(1));
        check("1969-12-31 23:59:59.9", Some(-100_000));
        check("2024-02-29T12:00:00", Some(1_709_208_000 * MICROS_PER_SECOND));
        check("2024-02-29 12:00:00.123456000", Some(1_709_208_000_123_456));
        for wrong in [
            "",
            "2023-02-29",
            "2024-13-01",
            "2024-00-01",
            "2024-01-00",
            "2024-01-01 ",
            "2024-01-01 24:00:00",
            "2024-01-01 23:60:00",
            "2024-01-01 23:00:60",
            "2024-01-01 23:00:00.",
            "2024-01-01 23:00:00.1234567",
            "2024-01-01 23:00",
            "2024-01-01 23:00:00Z",
            "2024/01/01",
        ] {
            check(wrong, None);
        }
        assert_eq!(Display(1_709_208_000_123_456).to_string(), "2024-02-29 12:00:00.123456");
    }

    #[test]
    fn valid_years() {
        let at = |text| parse_timestamp(text).unwrap();
        assert_eq!(at("1583-01-01"), *VALID_US.start());
        assert_eq!(at("9999-12-31 23:59:59.999999"), *VALID_US.end());
        assert!(is_valid(0) && !is_valid(i64::MIN) && !is_valid(i64::MAX));
    }

    #[test]
    fn the_extremes_print() {
        assert_eq!(Display(i64::MIN).to_string(), "-290308-12-21 19:59:05.224192");
        assert_eq!(Display(i64::MAX).to_string(), "294247-01-10 04:00:54.775807");
    }

    #[test]
    fn days_follow_each_other() {
        let mut last = Date { year: 1599, month: 12, day: 31 };
        for days in last.to_days() + 1..(Date { year: 2405, month: 1, day: 1 }).to_days() {
            let date = Date::from_days(days);
            assert_eq!(date.to_days(), days);
            let next_day = Date { day: last.day + 1, ..last };
            let next_month = Date { month: last.month + 1, day: 1, ..last };
            let next_year = Date { year: last.year + 1, month: 1, day: 1 };
            assert!([next_day, next_month, next_year].contains(&date), "{last:?} then {date:?}");
            last = date;
        }
    }

    proptest! {
        #[test]
        fn print_and_parse(timestamp_us in parse_timestamp("0000-01-01").unwrap()..parse_timestamp("9999-12-31").unwrap()) {
            prop_assert_eq!(parse_timestamp(&Display(timestamp_us).to_string()), Some(timestamp_us));
        }

        #[test]
        fn any_text(text in "[0-9: .T-]{0,30}|.{0,30}") {
            let _ = parse_timestamp(&text);
        }
    }
}
