//! A line of the file as a tap. Columns: day, HH:MM, event, card; then by event:
//! - `BEGINTRIP`: mode, station;
//! - `ENDTRIP`: mode, station, zones, ticket, capped, fare, charged, product;
//! - `BUSTRIP`: mode, ticket, capped, fare, charged, route, product.

use csv::StringRecord;

/// How a journey is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ticket {
    PayPerRide,
    Season,
}

/// Where a tap is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    Station(&'a str),
    BusRoute(&'a str),
}

/// What a tap does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Entry,
    Exit,
}

/// One tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TflTap<'a> {
    /// From the beginning of Sunday; a day of service goes on past midnight.
    pub minute: u32,
    pub card_id: i32,
    pub direction: Direction,
    pub place: Place<'a>,
    /// Only known from the line that ends a journey.
    pub ticket: Option<Ticket>,
}

/// Why a line is no tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum LineError {
    #[error("cut short")]
    Cut,
    #[error("too many fields")]
    TooLong,
    #[error("unknown day")]
    Day,
    #[error("malformed time")]
    Time,
    #[error("unknown event")]
    Event,
    #[error("malformed card")]
    Card,
    #[error("unknown ticket")]
    Ticket,
    #[error("no station or route")]
    Place,
}

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
/// Services of one day run until the next morning.
const HOURS_OF_SERVICE: u32 = 30;

/// Reads a line that was split into its fields.
pub fn read(fields: &StringRecord) -> Result<TflTap<'_>, LineError> {
    let [day, time, event, card] = [0, 1, 2, 3].map(|n| fields.get(n));
    let (Some(day), Some(time), Some(event), Some(card)) = (day, time, event, card) else {
        return Err(LineError::Cut);
    };
    let (expected, direction, place_at, ticket_at) = match event {
        "BEGINTRIP" => (6, Direction::Entry, 5, None),
        "ENDTRIP" => (12, Direction::Exit, 5, Some(7)),
        "BUSTRIP" => (11, Direction::Entry, 9, Some(5)),
        _ if fields.len() == 4 => return Err(LineError::Cut),
        _ => return Err(LineError::Event),
    };
    if fields.len() < expected {
        return Err(LineError::Cut);
    }
    if fields.len() > expected {
        return Err(LineError::TooLong);
    }
    let day = DAYS.iter().zip(0u32..).find(|(name, _)| **name == day).ok_or(LineError::Day)?.1;
    let name = Some(fields[place_at].trim()).filter(|name| !name.is_empty()).ok_or(LineError::Place)?;
    let ticket = match ticket_at.map(|at| &fields[at]) {
        None => None,
        // Partly covered by a season ticket, the rest is paid.
        Some("PPY" | "MIX") => Some(Ticket::PayPerRide),
        Some("TKT") => Some(Ticket::Season),
        Some(_) => return Err(LineError::Ticket),
    };
    Ok(TflTap {
        minute: day * 24 * 60 + minute_of_day(time).ok_or(LineError::Time)?,
        card_id: card.parse().ok().filter(|id| *id > 0).ok_or(LineError::Card)?,
        direction,
        place: if event == "BUSTRIP" { Place::BusRoute(name) } else { Place::Station(name) },
        ticket,
    })
}

fn minute_of_day(time: &str) -> Option<u32> {
    let (hours, minutes) = time.split_once(':')?;
    let number = |text: &str| text.parse::<u32>().ok().filter(|_| text.len() == 2 && !text.starts_with('+'));
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < HOURS_OF_SERVICE && minutes < 60).then_some(hours * 60 + minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Result<TflTap<'_>, LineError>) {
        let fields = StringRecord::from(line.split(',').collect::<Vec<_>>());
        assert_eq!(read(&fields), expected, "{line}");
    }

    #[test]
    fn the_three_events() {
        check(
            "Sun,04:31,BUSTRIP,893069,LTB,TKT,N,0,0,N15,Travelcard-7 Day",
            Ok(TflTap {
                minute: 4 * 60 + 31,
                card_id: 893_069,
                direction: Direction::Entry,
                place: Place::BusRoute("N15"),
                ticket: Some(Ticket::Season),
            }),
        );
        check(
            "Mon,25:05,BEGINTRIP,7,LUL,WIMBLEDON TRAM ",
            Ok(TflTap {
                minute: 24 * 60 + 25 * 60 + 5,
                card_id: 7,
                direction: Direction::Entry,
                place: Place::Station("WIMBLEDON TRAM"),
                ticket: None,
            }),
        );
        check(
            "Sat,00:00,ENDTRIP,8,HEX,Osterley,-------,PPY,N,110,110,PAYG",
            Ok(TflTap {
                minute: 6 * 24 * 60,
                card_id: 8,
                direction: Direction::Exit,
                place: Place::Station("Osterley"),
                ticket: Some(Ticket::PayPerRide),
            }),
        );
    }

    #[test]
    fn what_is_no_tap() {
        for (line, error) in [
            ("", LineError::Cut),
            ("Mon,11:20,BEGIN", LineError::Cut),
            ("Mon,11:20,BEGINTRIP,1", LineError::Cut),
            ("Mon,11:20,BEGINTRIP,1,LUL", LineError::Cut),
            ("Mon,11:20,BEGINTRIP,1,LUL,Bank,more", LineError::TooLong),
            ("Mon,11:20,BEGINTRIP,1,LUL,", LineError::Place),
            ("Mon,11:20,FLIGHT,1,LUL,Bank", LineError::Event),
            ("Moon,11:20,BEGINTRIP,1,LUL,Bank", LineError::Day),
            ("Mon,11:60,BEGINTRIP,1,LUL,Bank", LineError::Time),
            ("Mon,30:00,BEGINTRIP,1,LUL,Bank", LineError::Time),
            ("Mon,1120,BEGINTRIP,1,LUL,Bank", LineError::Time),
            ("Mon,+1:20,BEGINTRIP,1,LUL,Bank", LineError::Time),
            ("Mon,11:20,BEGINTRIP,-1,LUL,Bank", LineError::Card),
            ("Mon,11:20,BEGINTRIP,9999999999,LUL,Bank", LineError::Card),
            ("Mon,11:20,ENDTRIP,1,LUL,Bank,-,FREE,N,0,0,X", LineError::Ticket),
        ] {
            check(line, Err(error));
        }
    }
}
