//! Objects by name, cheap to copy and to compare: what makes one changed service among thousands a small change.

use std::fmt;
use std::iter;
use std::marker::PhantomData;
use std::ops::Index;
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Objects by name, in the order of their names.
///
/// A copy costs nothing and shares everything with what it was copied from. Comparing two copies, or asking what differs,
/// looks only at what they do not share.
pub struct Named<T>(Objects<T>);

type Objects<T> = OrdMap<Arc<str>, Shared<T>>;

/// An object of a [`Named`]; equal is what is one.
pub struct Shared<T>(Arc<T>);

/// What differs between two [`Named`].
#[derive(Debug)]
pub enum Difference<'a, T> {
    /// Only the new one has it.
    New(&'a Arc<str>, &'a Arc<T>),
    /// Both have it, not the same.
    Other(&'a Arc<str>, &'a Arc<T>, &'a Arc<T>),
    /// Only the old one has it.
    Gone(&'a Arc<str>, &'a Arc<T>),
}

impl<'a, T> Difference<'a, T> {
    /// The name that it is about.
    #[must_use]
    pub fn name(&self) -> &'a Arc<str> {
        match self {
            Self::New(name, _) | Self::Other(name, ..) | Self::Gone(name, _) => name,
        }
    }

    /// What the old one has.
    #[must_use]
    pub fn before(&self) -> Option<&'a Arc<T>> {
        match self {
            Self::Other(_, old, _) | Self::Gone(_, old) => Some(old),
            Self::New(..) => None,
        }
    }

    /// What the new one has.
    #[must_use]
    pub fn now(&self) -> Option<&'a Arc<T>> {
        match self {
            Self::New(_, new) | Self::Other(_, _, new) => Some(new),
            Self::Gone(..) => None,
        }
    }
}

impl<T> Named<T> {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self(OrdMap::new())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Is there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<T>> {
        self.0.get(name).map(|Shared(object)| object)
    }

    /// The one called `name`, with the name as it is kept here.
    #[must_use]
    pub fn get_key_value(&self, name: &str) -> Option<(&Arc<str>, &Arc<T>)> {
        self.0
            .get_key_value(name)
            .map(|(name, Shared(object))| (name, object))
    }

    /// Is there one called `name`?
    #[must_use]
    pub fn contains_key(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Puts one in, in the place of the one of that name.
    pub fn insert(&mut self, name: impl Into<Arc<str>>, object: impl Into<Arc<T>>) {
        self.0.insert(name.into(), Shared(object.into()));
    }

    /// Takes one out.
    pub fn remove(&mut self, name: &str) -> Option<Arc<T>> {
        self.0.remove(name).map(|Shared(object)| object)
    }

    /// The one called `name`, to be changed: a copy of it if it is shared.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut T>
    where
        T: Clone,
    {
        self.0.get_mut(name).map(|Shared(object)| Arc::make_mut(object))
    }

    /// Names and objects.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Arc<str>, &Arc<T>)> {
        self.0.iter().map(|(name, Shared(object))| (name, object))
    }

    /// Names.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.keys().map(|name| &**name)
    }

    /// Objects.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Arc<T>> {
        self.iter().map(|(_, object)| object)
    }

    /// What is to be done to `self` to make it `new`, in the order of the names. Two objects are the same when they are
    /// one.
    pub fn replacements<'a>(&'a self, new: &'a Self) -> impl Iterator<Item = Difference<'a, T>> {
        self.0.diff(&new.0).map(|item| match item {
            DiffItem::Add(name, Shared(new)) => Difference::New(name, new),
            DiffItem::Update {
                old: (_, Shared(old)),
                new: (name, Shared(new)),
            } => Difference::Other(name, old, new),
            DiffItem::Remove(name, Shared(old)) => Difference::Gone(name, old),
        })
    }
}

impl<T: PartialEq> Named<T> {
    /// What is to be done to `self` to make it equal to `new`, in the order of the names.
    pub fn differences<'a>(&'a self, new: &'a Self) -> impl Iterator<Item = Difference<'a, T>> {
        self.replacements(new).filter(|difference| match difference {
            Difference::Other(_, old, new) => old != new,
            Difference::New(..) | Difference::Gone(..) => true,
        })
    }

    /// The same objects, sharing with `last` what is equal there.
    #[must_use]
    pub fn upon(&self, last: &Self) -> Self {
        let mut shared = last.clone();
        for difference in last.differences(self) {
            match difference.now() {
                Some(new) => shared.insert(Arc::clone(difference.name()), Arc::clone(new)),
                None => drop(shared.remove(difference.name())),
            }
        }
        shared
    }
}

impl<T: PartialEq> PartialEq for Named<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.differences(other).next().is_none()
    }
}

impl<T: Eq> Eq for Named<T> {}

impl<T> Clone for Named<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for Named<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<T> Index<&str> for Named<T> {
    type Output = Arc<T>;

    #[allow(clippy::panic, reason = "as with every map")]
    fn index(&self, name: &str) -> &Arc<T> {
        match self.0.get(name) {
            Some(Shared(object)) => object,
            None => panic!("nothing is called {name:?}"),
        }
    }
}

impl<N: Into<Arc<str>>, O: Into<Arc<T>>, T> FromIterator<(N, O)> for Named<T> {
    fn from_iter<I: IntoIterator<Item = (N, O)>>(objects: I) -> Self {
        let mut named = Self::new();
        named.extend(objects);
        named
    }
}

impl<N: Into<Arc<str>>, O: Into<Arc<T>>, T> Extend<(N, O)> for Named<T> {
    fn extend<I: IntoIterator<Item = (N, O)>>(&mut self, objects: I) {
        for (name, object) in objects {
            self.insert(name, object);
        }
    }
}

impl<T> IntoIterator for Named<T> {
    type Item = (Arc<str>, Arc<T>);
    type IntoIter =
        iter::Map<<Objects<T> as IntoIterator>::IntoIter, fn((Arc<str>, Shared<T>)) -> Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().map(|(name, Shared(object))| (name, object))
    }
}

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(name, object)| (&**name, &**object)))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Named<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("objects by name")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut named = Named::new();
                while let Some((name, object)) = map.next_entry::<String, T>()? {
                    named.insert(name, object);
                }
                Ok(named)
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(range: std::ops::Range<u32>) -> Named<u32> {
        range.map(|number| (format!("{number:05}"), number)).collect()
    }

    #[test]
    fn what_differs_is_told_by_name() {
        let old = numbers(0..1000);
        let mut new = old.clone();
        assert!(new == old);
        new.insert("00500", 7);
        new.remove("00001");
        new.insert("x", 1);
        let told: Vec<String> = old
            .differences(&new)
            .map(|difference| {
                format!(
                    "{}: {:?} -> {:?}",
                    difference.name(),
                    difference.before(),
                    difference.now()
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                "00001: Some(1) -> None",
                "00500: Some(500) -> Some(7)",
                "x: None -> Some(1)"
            ]
        );
        assert!(new != old);
    }

    #[test]
    fn equal_objects_are_equal_in_two_places() {
        assert!(numbers(0..300) == numbers(0..300));
        assert!(numbers(0..300) != numbers(1..301));
    }

    #[test]
    fn comparing_copies_looks_only_at_what_they_do_not_share() {
        use std::sync::atomic::{AtomicUsize, Ordering};

        static LOOKS: AtomicUsize = AtomicUsize::new(0);
        struct Watched;
        impl PartialEq for Watched {
            fn eq(&self, _: &Self) -> bool {
                LOOKS.fetch_add(1, Ordering::Relaxed);
                true
            }
        }
        let old: Named<Watched> = (0..10_000).map(|n| (n.to_string(), Watched)).collect();
        let mut new = old.clone();
        new.insert("5000", Watched);
        assert!(new == old);
        assert_eq!(LOOKS.load(Ordering::Relaxed), 1);
    }
}
