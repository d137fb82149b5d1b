//! The line: its stations in order, and the trains that run on it. Plain data.

/// A station of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Station {
    /// From 1, in order along the line.
    pub id: i16,
    pub name: &'static str,
    /// From leaving this station to arriving at the next one, whichever way the train goes.
    pub run_us: u64,
    /// From arriving to leaving.
    pub dwell_us: u64,
    /// Entries on a weekday.
    pub weight: i32,
}

const fn station(id: i16, name: &'static str, run_us: u64, dwell_us: u64, weight: i32) -> Station {
    Station { id, name, run_us, dwell_us, weight }
}

/// What an entry costs, everywhere.
pub const FARE_CENTS: i16 = 250;

/// In order along the line.
pub const STATIONS: [Station; 17] = [
    station(1, "Alewife", 1_200_000, 450_000, 242_200),
    station(2, "Davis Square", 1_050_000, 250_000, 325_479),
    station(3, "Porter Square", 850_000, 300_000, 221_055),
    station(4, "Harvard", 900_000, 350_000, 581_530),
    station(5, "Central Square", 500_000, 260_000, 406_389),
    station(6, "Kendall Square", 950_000, 190_000, 375_640),
    station(7, "Charles MGH", 450_000, 130_000, 259_210),
    station(8, "Park Street", 200_000, 280_000, 412_809),
    station(9, "Downtown Crossing", 200_000, 110_000, 496_942),
    station(10, "South Station", 450_000, 300_000, 559_110),
    station(11, "Broadway", 550_000, 200_000, 131_022),
    station(12, "Andrew Square", 550_000, 200_000, 145_955),
    station(13, "JFK/U Mass", 800_000, 150_000, 207_333),
    station(14, "Savin Hill", 950_000, 100_000, 56_457),
    station(15, "Fields Corner", 1_000_000, 130_000, 122_236),
    station(16, "Shawmut", 1_200_000, 220_000, 51_981),
    station(17, "Ashmont", 1_500_000, 500_000, 203_866),
];

/// Their ids are their places, from 1.
pub const TRAINS: [&str; 8] =
    ["Legislator", "Mohawk", "Juniata", "Alamo", "SantaFe", "Eclipse", "SolarExpress", "Iverson"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_places() {
        assert!(STATIONS.iter().zip(1..).all(|(station, place)| station.id == place));
        assert!(STATIONS.iter().all(|s| s.weight > 0 && s.run_us > 0 && s.dwell_us > 0));
    }
}
