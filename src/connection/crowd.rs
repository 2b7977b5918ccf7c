//! How many connections there are: in all, and by address.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

/// Places that addresses are counted in, so that connections which come at the same time do not wait for each other.
const SHARDS: usize = 16;

/// The connections of one entry point.
#[derive(Debug)]
pub struct Crowd {
    most: usize,
    most_by_address: u32,
    all: AtomicUsize,
    hasher: RandomState,
    by_address: [Mutex<HashMap<IpAddr, u32, RandomState>>; SHARDS],
}

/// A connection's place; dropping it makes room for another.
#[derive(Debug)]
pub struct Place {
    crowd: Arc<Crowd>,
    /// Counted under this address.
    address: Option<IpAddr>,
}

impl Crowd {
    /// Nobody yet. At most `most` connections, and `most_by_address` of one address; 0 for no limit.
    #[must_use]
    pub fn new(most: usize, most_by_address: u32) -> Self {
        Self {
            most,
            most_by_address,
            all: AtomicUsize::new(0),
            hasher: RandomState::default(),
            by_address: std::array::from_fn(|_| Mutex::default()),
        }
    }

    /// How many are there now.
    #[must_use]
    pub fn count(&self) -> usize {
        self.all.load(Ordering::Relaxed)
    }

    /// A place; `None` when the entry point is full.
    #[must_use]
    pub fn enter(self: &Arc<Self>) -> Option<Place> {
        let place = Place {
            crowd: Arc::clone(self),
            address: None,
        };
        let others = self.all.fetch_add(1, Ordering::Relaxed);
        // Dropping the place takes it back.
        (self.most == 0 || others < self.most).then_some(place)
    }

    fn counts(&self, address: IpAddr) -> MutexGuard<'_, HashMap<IpAddr, u32, RandomState>> {
        let [first, ..] = &self.by_address;
        let at = self.hasher.hash_one(address) as usize % SHARDS;
        let shard = self.by_address.get(at).unwrap_or(first);
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Counts the connection under its client's address; false when there are too many of that. An IPv6 client has a
    /// network of 64 bits to itself, so it is counted by that.
    #[must_use]
    pub fn belongs_to(&mut self, address: IpAddr) -> bool {
        let most = self.crowd.most_by_address;
        if most == 0 || self.address.is_some() {
            return true;
        }
        let address = match address.to_canonical() {
            IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() >> 64 << 64)),
            four => four,
        };
        let mut counts = self.crowd.counts(address);
        let count = counts.entry(address).or_insert(0);
        if *count >= most {
            return false;
        }
        *count += 1;
        drop(counts);
        self.address = Some(address);
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.all.fetch_sub(1, Ordering::Relaxed);
        let Some(address) = self.address else { return };
        let mut counts = self.crowd.counts(address);
        if let Some(count) = counts.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(crowd: &Arc<Crowd>, address: &str) -> Option<Place> {
        let mut place = crowd.enter()?;
        place.belongs_to(address.parse().unwrap()).then_some(place)
    }

    #[test]
    fn no_more_come_in_than_there_is_room_for() {
        let crowd = Arc::new(Crowd::new(2, 0));
        let (first, _second) = (crowd.enter().unwrap(), crowd.enter().unwrap());
        assert!(crowd.enter().is_none());
        assert_eq!(crowd.count(), 2);
        drop(first);
        assert!(crowd.enter().is_some());
    }

    #[test]
    fn one_address_does_not_take_the_places_of_others() {
        let crowd = Arc::new(Crowd::new(0, 2));
        let _kept = [
            enter(&crowd, "192.0.2.1").unwrap(),
            enter(&crowd, "192.0.2.2").unwrap(),
        ];
        let second = enter(&crowd, "::ffff:192.0.2.1").unwrap();
        assert!(
            enter(&crowd, "192.0.2.1").is_none(),
            "a mapped address is the same one"
        );
        drop(second);
        assert!(enter(&crowd, "192.0.2.1").is_some());
        let _six = [
            enter(&crowd, "2001:db8::1").unwrap(),
            enter(&crowd, "2001:db8::2").unwrap(),
        ];
        assert!(enter(&crowd, "2001:db8::3").is_none(), "the same network");
        assert!(enter(&crowd, "2001:db8:0:1::3").is_some());
    }

    #[test]
    fn addresses_that_left_take_no_memory() {
        let crowd = Arc::new(Crowd::new(0, 1));
        for low in 0..1000_u32 {
            let mut place = crowd.enter().unwrap();
            assert!(place.belongs_to(IpAddr::V4(low.into())));
        }
        assert!(
            crowd
                .by_address
                .iter()
                .all(|shard| shard.lock().unwrap().is_empty())
        );
        assert_eq!(crowd.count(), 0);
    }
}
