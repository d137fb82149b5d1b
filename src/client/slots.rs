//! Which call a reply belongs to: a bounded set of calls under way, each found by its handle. Pure.

/// At most `window` calls, each with what its caller wants to know again.
pub(super) struct Slots<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

struct Slot<T> {
    /// How often the slot was used: a handle of an earlier use finds nothing.
    uses: u32,
    call: Option<T>,
}

/// Uses are counted in this many bits, so that handles stay positive and far below those of pushes.
const USES_MASK: u32 = 0x3fff_ffff;

impl<T> Slots<T> {
    pub(super) fn new(window: u32) -> Slots<T> {
        assert!(window > 0, "a window of no calls lets none out");
        let slots = (0..window).map(|_| Slot { uses: 0, call: None }).collect();
        Slots { slots, free: (0..window).rev().collect() }
    }

    /// Calls under way.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Notes a call and says what its handle is; gives it back if there is no room.
    pub(super) fn put(&mut self, call: T) -> Result<i64, T> {
        let Some(place) = self.free.pop() else { return Err(call) };
        let slot = &mut self.slots[place as usize];
        slot.uses = (slot.uses + 1) & USES_MASK;
        slot.call = Some(call);
        Ok(i64::from(slot.uses) << 32 | i64::from(place))
    }

    /// The call with that handle, which is over now.
    pub(super) fn take(&mut self, handle: i64) -> Option<T> {
        let place = handle as u32;
        let slot = self.slots.get_mut(place as usize)?;
        if handle >> 32 != i64::from(slot.uses) {
            return None;
        }
        let call = slot.call.take()?;
        self.free.push(place);
        Some(call)
    }

    /// All calls under way; none is any more.
    pub(super) fn take_all(&mut self) -> Vec<T> {
        let mut calls = Vec::new();
        for (place, slot) in self.slots.iter_mut().enumerate() {
            if let Some(call) = slot.call.take() {
                calls.push(call);
                self.free.push(place as u32);
            }
        }
        calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};
    use rustc_hash::FxHashMap;

    #[test]
    fn as_a_map_would() {
        let mut rng = SmallRng::seed_from_u64(3);
        let mut slots = Slots::new(16);
        let mut model = FxHashMap::default();
        let mut over = Vec::new();
        for n in 0..20_000 {
            if rng.random_bool(0.5) {
                match slots.put(n) {
                    Ok(handle) => assert_eq!(model.insert(handle, n), None),
                    Err(back) => assert_eq!((back, model.len()), (n, 16)),
                }
            } else if let Some(&handle) = model.keys().nth(rng.random_range(0..16)) {
                assert_eq!(slots.take(handle), model.remove(&handle));
                over.push(handle);
            }
            if let Some(&handle) = over.get(rng.random_range(0..over.len().max(1))) {
                assert_eq!(slots.take(handle), None, "a handle is good once");
            }
            assert_eq!(slots.len(), model.len());
        }
        let mut left = slots.take_all();
        left.sort_unstable();
        let mut expected: Vec<i32> = model.into_values().collect();
        expected.sort_unstable();
        assert_eq!(left, expected);
        assert_eq!(slots.len(), 0);
    }

    #[test]
    fn what_is_no_handle() {
        let mut slots = Slots::new(2);
        let handle = slots.put('a').unwrap();
        for wrong in [handle + 1, handle ^ (1 << 32), -1, i64::MAX, i64::MIN, 0] {
            assert_eq!(slots.take(wrong), None);
        }
        assert_eq!(slots.take(handle), Some('a'));
    }
}
