//! Station names and bus routes as station ids.

use super::tap::Place;
use std::collections::{BTreeMap, BTreeSet};

/// Ids of stations that are named in a file begin after this, ids of bus routes after the other: the line's
/// own are below both.
const STATION_IDS_AFTER: i16 = 1_000;
const BUS_ROUTE_IDS_AFTER: i16 = 10_000;

/// Different names; a file with more of either kind is another kind of file.
pub const NAMES_MAX: usize = (BUS_ROUTE_IDS_AFTER - STATION_IDS_AFTER) as usize;

/// A station to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewStation {
    pub id: i16,
    pub name: String,
    pub fare_cents: i16,
}

const STATION_FARE_CENTS: i16 = 250;
const BUS_FARE_CENTS: i16 = 100;
/// Longer names are cut.
const NAME_BYTES_MAX: usize = 25;

/// Knows the id of every place.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// By the name in the taps.
    stations: BTreeMap<String, i16>,
    bus_routes: BTreeMap<String, i16>,
    /// The stations to be created, whatever the taps call them.
    names: BTreeMap<i16, String>,
    /// Names in the taps that are not quite those of the stations: the tap's, the station's.
    pub loose: Vec<(String, String)>,
}

impl Places {
    /// `stations` and `bus_routes`: all names in the taps. `known`: the stations there are, if that is known;
    /// a name that is none of them has no id then.
    pub fn new(
        stations: &BTreeSet<String>,
        bus_routes: &BTreeSet<String>,
        known: Option<&BTreeSet<String>>,
    ) -> Places {
        let mut places = Places {
            bus_routes: bus_routes.iter().cloned().zip(BUS_ROUTE_IDS_AFTER + 1..).collect(),
            names: (STATION_IDS_AFTER + 1..).zip(known.unwrap_or(stations).iter().cloned()).collect(),
            ..Places::default()
        };
        let words: Vec<(String, i16)> = places.names.iter().map(|(id, name)| (words_of(name), *id)).collect();
        for name in stations {
            let Some(id) = find(&words_of(name), &words) else { continue };
            let known = &places.names[&id];
            if known != name {
                places.loose.push((name.clone(), known.clone()));
            }
            places.stations.insert(name.clone(), id);
        }
        places
    }

    pub fn id(&self, place: Place<'_>) -> Option<i16> {
        match place {
            Place::Station(name) => self.stations.get(name),
            Place::BusRoute(route) => self.bus_routes.get(route),
        }
        .copied()
    }

    /// All that taps may name.
    pub fn new_stations(&self) -> impl Iterator<Item = NewStation> {
        let station = |(id, name): (&i16, &String)| NewStation {
            id: *id,
            name: cut(name.clone()),
            fare_cents: STATION_FARE_CENTS,
        };
        let bus = |(route, id): (&String, &i16)| NewStation {
            id: *id,
            name: cut(format!("Bus {route}")),
            fare_cents: BUS_FARE_CENTS,
        };
        self.names.iter().map(station).chain(self.bus_routes.iter().map(bus))
    }
}

fn cut(mut name: String) -> String {
    while name.len() > NAME_BYTES_MAX {
        name.pop();
    }
    name
}

/// Lower case words with one space between, without punctuation, `&` as `and`.
fn words_of(name: &str) -> String {
    let spelt = name.to_lowercase().replace('&', " and ").replace(['\'', '.', '’'], "");
    let words = spelt.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<&str> = words.map(|word| if word == "rd" { "road" } else { word }).collect();
    words.join(" ")
}

/// The station of these words: the same; else the longest whose words the name begins with (`Canary Wharf
/// DLR`); else the only one that begins with the name, or each of whose words begins with the name's (`High
/// Street Kens`, `Heathrow Term 5`).
fn find(name: &str, known: &[(String, i16)]) -> Option<i16> {
    if let Some((_, id)) = known.iter().find(|(words, _)| words == name) {
        return Some(*id);
    }
    let begun_with = |words: &str| name.strip_prefix(words).is_some_and(|rest| rest.starts_with(' '));
    let longest = known.iter().filter(|(words, _)| begun_with(words)).max_by_key(|(words, _)| words.len());
    if let Some((_, id)) = longest {
        return Some(*id);
    }
    only(known, |words| words.starts_with(name)).or_else(|| only(known, |words| abbreviates(name, words)))
}

fn only(known: &[(String, i16)], fits: impl Fn(&str) -> bool) -> Option<i16> {
    let mut fitting = known.iter().filter(|(words, _)| fits(words));
    let first = fitting.next()?;
    fitting.next().is_none().then_some(first.1)
}

fn abbreviates(short: &str, long: &str) -> bool {
    let (mut short, mut long) = (short.split(' '), long.split(' '));
    loop {
        match (short.next(), long.next()) {
            (None, None) => return true,
            (Some(short), Some(long)) if long.starts_with(short) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| name.to_string()).collect()
    }

    #[test]
    fn without_a_list_every_name_is_a_station() {
        let places = Places::new(&names(&["Bank", "Angel"]), &names(&["N15", "25"]), None);
        let ids =
            [Place::Station("Angel"), Place::Station("Bank"), Place::BusRoute("25"), Place::BusRoute("N15")]
                .map(|place| places.id(place));
        assert_eq!(ids, [Some(1001), Some(1002), Some(10_001), Some(10_002)]);
        assert_eq!(places.id(Place::Station("25")), None);
        assert!(places.loose.is_empty());
        let stations: Vec<_> = places.new_stations().map(|s| (s.id, s.name, s.fare_cents)).collect();
        assert_eq!(stations[0], (1001, "Angel".to_string(), 250));
        assert_eq!(stations[3], (10_002, "Bus N15".to_string(), 100));
    }

    #[test]
    fn names_are_matched_with_a_list() {
        let known = names(&[
            "Canary Wharf",
            "High Street Kensington",
            "Hayes and Harlington",
            "King's Cross St. Pancras",
            "Clapham North",
            "Clapham South",
            "Kings Langley",
            "Tottenham Court Road",
            "Heathrow Terminal 4",
            "Heathrow Terminal 5",
        ]);
        let tapped = names(&[
            "Canary Wharf DLR",
            "High Street Kens",
            "Hayes & Harlington",
            "Kings Cross",
            "Clapham",
            "Canary",
            "Tottenham Court Rd",
            "Heathrow Term 5",
            "Moon",
        ]);
        let places = Places::new(&tapped, &names(&[]), Some(&known));
        let station = |name| places.id(Place::Station(name)).map(|id| places.names[&id].as_str());
        assert_eq!(station("Canary Wharf DLR"), Some("Canary Wharf"));
        assert_eq!(station("High Street Kens"), Some("High Street Kensington"));
        assert_eq!(station("Hayes & Harlington"), Some("Hayes and Harlington"));
        assert_eq!(station("Kings Cross"), Some("King's Cross St. Pancras"));
        assert_eq!(station("Tottenham Court Rd"), Some("Tottenham Court Road"));
        assert_eq!(station("Heathrow Term 5"), Some("Heathrow Terminal 5"));
        assert_eq!(station("Clapham"), None, "there are two");
        assert_eq!(station("Moon"), None);
        assert_eq!(places.loose.len(), 7);
        assert_eq!(places.new_stations().count(), known.len());
    }

    #[test]
    fn long_names_are_cut_to_what_the_column_holds() {
        let long = "Liverpool St WAGN TOC Gaté";
        let places = Places::new(&names(&[long]), &names(&[]), None);
        let station = places.new_stations().next().expect("there is one");
        assert_eq!(station.name, "Liverpool St WAGN TOC Gat");
        assert_eq!(places.id(Place::Station(long)), Some(1001));
    }
}
