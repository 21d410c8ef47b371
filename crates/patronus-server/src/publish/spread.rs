//! Work on all processors: hashing and signing are most of what agents wait for when a release is made.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread::{available_parallelism, scope};

/// Fewer items than this are not worth a thread.
const WORTH: usize = 8;

/// Does the same to every item; the results are in the items' order.
pub fn spread<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let processors = available_parallelism().map_or(1, NonZero::get);
    let each = items.len().div_ceil(processors).max(WORTH);
    if items.len() <= each {
        return items.into_iter().map(work).collect();
    }
    let mut items = items.into_iter();
    let blocks: Vec<Vec<T>> =
        std::iter::from_fn(|| Some(items.by_ref().take(each).collect()).filter(|block: &Vec<T>| !block.is_empty()))
            .collect();
    let work = &work;
    scope(|scope| {
        let begin = |block: Vec<T>| scope.spawn(move || block.into_iter().map(work).collect::<Vec<R>>());
        let begun: Vec<_> = blocks.into_iter().map(begin).collect();
        begun.into_iter().flat_map(|block| block.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_stays_whatever_the_number() {
        for count in [0, 1, WORTH, WORTH + 1, 1000] {
            let doubled = spread((0..count).collect(), |item: usize| 2 * item);
            assert_eq!(doubled, (0..count).map(|item| 2 * item).collect::<Vec<_>>());
        }
    }

    #[test]
    #[should_panic(expected = "item 17")]
    fn a_panic_is_not_lost() {
        spread((0..100).collect(), |item: usize| assert_ne!(item, 17, "item {item}"));
    }
}
