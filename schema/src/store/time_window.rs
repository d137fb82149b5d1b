//! `TRUNCATE` and `TIME_WINDOW`: the calendar unit, or the run of units, that a time falls into, in UTC. Pure
//! arithmetic.

use crate::{catalog::TimeUnit, value::NULL_BIGINT};

const SECOND_US: i128 = 1_000_000;
const DAY_US: i128 = 86_400 * SECOND_US;

/// Monday, 1969-12-29: three days before the epoch's Thursday.
const FIRST_MONDAY_US: i128 = -3 * DAY_US;

/// How long a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Fixed { us: i128, origin_us: i128 },
    Months(i128),
}

fn length(unit: TimeUnit) -> Length {
    let fixed = |us| Length::Fixed { us, origin_us: 0 };
    match unit {
        TimeUnit::Microsecond => fixed(1),
        TimeUnit::Millisecond => fixed(1000),
        TimeUnit::Second => fixed(SECOND_US),
        TimeUnit::Minute => fixed(60 * SECOND_US),
        TimeUnit::Hour => fixed(3600 * SECOND_US),
        TimeUnit::Day => fixed(DAY_US),
        TimeUnit::Week => Length::Fixed { us: 7 * DAY_US, origin_us: FIRST_MONDAY_US },
        TimeUnit::Month => Length::Months(1),
        TimeUnit::Quarter => Length::Months(3),
        TimeUnit::Year => Length::Months(12),
    }
}

/// The start of the unit that a time in microseconds falls into. NULL of NULL.
pub fn truncate(unit: TimeUnit, time_us: i64) -> i64 {
    time_window(unit, 1, time_us, false)
}

/// The start of the window of `count` units that a time in microseconds falls into, or its `end`, which is
/// the start of the next one. Windows are counted from 1970-01-01, those in weeks from Monday, 1969-12-29.
/// NULL of NULL. A `count` of 0 counts as 1.
pub fn time_window(unit: TimeUnit, count: u32, time_us: i64, end: bool) -> i64 {
    if time_us == NULL_BIGINT {
        return NULL_BIGINT;
    }
    let (count, time) = (i128::from(count.max(1)), i128::from(time_us));
    let window = match length(unit) {
        Length::Fixed { us, origin_us } => {
            let width = us * count;
            ((time - origin_us).div_euclid(width) + i128::from(end)) * width + origin_us
        }
        Length::Months(months) => {
            let width = months * count;
            let window = month_of(time).div_euclid(width) + i128::from(end);
            days_before_month(window * width) * DAY_US
        }
    };
    // The first and the last window reach beyond what a timestamp holds; the lowest value is the null.
    window.clamp(i128::from(NULL_BIGINT) + 1, i128::from(i64::MAX)) as i64
}

/// Months from 1970-01 to the month of that time.
fn month_of(time_us: i128) -> i128 {
    // Years counted from March end with the leap day. 719468 days lie between 0000-03-01 and the epoch.
    let day = time_us.div_euclid(DAY_US) + 719_468;
    let era = day.div_euclid(146_097);
    let day = day - era * 146_097;
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    (era * 400 + year) * 12 + month + 2 - 1970 * 12
}

/// Days from 1970-01-01 to the first of that month, counted from 1970-01.
fn days_before_month(month: i128) -> i128 {
    let month = month + 1970 * 12 - 2;
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12));
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    era * 146_097 + 365 * year + year / 4 - year / 100 + (153 * month + 2) / 5 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;
    const DAY: i64 = 86_400 * SECOND;

    #[test]
    fn months_agree_with_a_calendar_counted_day_by_day() {
        let (mut year, mut month, mut day) = (1600i64, 1, 1);
        // 1600-01-01 is 135140 days before the epoch.
        for n in -135_140..150_000i64 {
            let months = (year - 1970) * 12 + month - 1;
            for time in [n * DAY, n * DAY + DAY - 1] {
                assert_eq!(month_of(i128::from(time)), i128::from(months), "{year}-{month}-{day}");
            }
            let first = (n - day + 1) * DAY;
            assert_eq!(truncate(TimeUnit::Month, n * DAY + 5), first);
            let leap = year % 4 == 0 && year % 100 != 0 || year % 400 == 0;
            let days = [31, 28 + i64::from(leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            day += 1;
            if day > days[month as usize - 1] {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
    }

    #[test]
    fn units_begin_where_the_calendar_says() {
        // 2024-02-29 13:45:56.789012, a Thursday.
        let time = 19_782 * DAY + (13 * 3600 + 45 * 60 + 56) * SECOND + 789_012;
        let check = |unit, expected| assert_eq!(truncate(unit, time), expected, "{unit:?}");
        check(TimeUnit::Microsecond, time);
        check(TimeUnit::Millisecond, time - 12);
        check(TimeUnit::Second, time - 789_012);
        check(TimeUnit::Minute, time - 56_789_012);
        check(TimeUnit::Hour, 19_782 * DAY + 13 * 3600 * SECOND);
        check(TimeUnit::Day, 19_782 * DAY);
        check(TimeUnit::Week, 19_779 * DAY);
        check(TimeUnit::Month, 19_754 * DAY);
        check(TimeUnit::Quarter, 19_723 * DAY);
        check(TimeUnit::Year, 19_723 * DAY);
    }

    #[test]
    fn windows_are_counted_from_the_epoch_in_both_directions() {
        let check = |unit, count, time, start, end| {
            assert_eq!(time_window(unit, count, time, false), start);
            assert_eq!(time_window(unit, count, time, true), end);
        };
        check(TimeUnit::Second, 30, 29_999_999, 0, 30 * SECOND);
        check(TimeUnit::Second, 30, 30_000_000, 30 * SECOND, 60 * SECOND);
        check(TimeUnit::Second, 30, -1, -30 * SECOND, 0);
        check(TimeUnit::Second, 30, -30_000_001, -60 * SECOND, -30 * SECOND);
        check(TimeUnit::Week, 1, 0, -3 * DAY, 4 * DAY);
        check(TimeUnit::Week, 2, 4 * DAY, -3 * DAY, 11 * DAY);
        check(TimeUnit::Week, 1, -3 * DAY - 1, -10 * DAY, -3 * DAY);
        check(TimeUnit::Quarter, 2, -1, -184 * DAY, 0);
        check(TimeUnit::Year, 4, 366 * DAY, 0, 1461 * DAY);
        check(TimeUnit::Month, 1, -1, -31 * DAY, 0);
        assert_eq!(time_window(TimeUnit::Day, 0, 5, false), 0);
    }

    #[test]
    fn the_ends_of_time_stay_in_range() {
        for unit in [TimeUnit::Second, TimeUnit::Week, TimeUnit::Month, TimeUnit::Year] {
            assert_eq!(truncate(unit, NULL_BIGINT), NULL_BIGINT);
            assert_eq!(time_window(unit, u32::MAX, i64::MIN + 1, false), i64::MIN + 1);
            assert_eq!(time_window(unit, u32::MAX, i64::MAX, true), i64::MAX);
        }
    }
}
