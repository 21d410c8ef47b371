//! Lists, page by page.

use std::collections::VecDeque;
use std::marker::PhantomData;

use http::header::LINK;
use patronus_types::api::TOTAL_COUNT;
use patronus_types::api::route::Op;
use serde::de::DeserializeOwned;

use crate::call::Call;
use crate::{Client, Error};

/// A list that is fetched page by page as it is read.
#[must_use = "nothing is fetched before it is read"]
pub struct Pages<T> {
    client: Client,
    op: Op,
    /// Path and query of the next page.
    next: Option<String>,
    total: Option<u64>,
    _items: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Pages<T> {
    pub(crate) fn of(client: &Client, call: Call) -> Self {
        let (op, target) = call.into_target();
        Self { client: client.clone(), op, next: Some(target), total: None, _items: PhantomData }
    }

    /// The next page; `None` after the last.
    ///
    /// # Errors
    /// When it cannot be fetched.
    pub async fn next(&mut self) -> Result<Option<Vec<T>>, Error> {
        let Some(target) = self.next.take() else { return Ok(None) };
        let answer = self.client.send(Call::new(self.op, &[]).target(target.clone())).await?;
        self.total = answer.header(TOTAL_COUNT).and_then(|count| count.parse().ok()).or(self.total);
        let next = answer.header(LINK.as_str()).and_then(next_link);
        if next.as_ref() == Some(&target) {
            return Err(answer.rubbish("its next page is the same page".to_owned()));
        }
        self.next = next;
        answer.json().map(Some)
    }

    /// Everything.
    ///
    /// # Errors
    /// When a page cannot be fetched.
    pub async fn all(self) -> Result<Vec<T>, Error> {
        self.take(usize::MAX).await.map(|(items, _)| items)
    }

    /// The first `limit` objects, and whether there are more.
    ///
    /// # Errors
    /// When a page cannot be fetched.
    pub async fn take(mut self, limit: usize) -> Result<(Vec<T>, bool), Error> {
        let mut items = VecDeque::new();
        while items.len() < limit {
            let Some(page) = self.next().await? else { break };
            items.extend(page);
        }
        let more = items.len() > limit || self.next.is_some();
        items.truncate(limit);
        Ok((items.into(), more))
    }

    /// How many there are in all, once a page was fetched from a list that was asked to count.
    pub fn total(&self) -> Option<u64> {
        self.total
    }
}

/// Path and query of `rel="next"`. The host is left out: pages come from the servers that were named, whatever a link says.
fn next_link(header: &str) -> Option<String> {
    let link = header
        .split(',')
        .find(|link| link.split(';').any(|part| matches!(part.trim(), "rel=\"next\"" | "rel=next")))?;
    let url = link.trim().strip_prefix('<')?.split('>').next()?;
    let target = match url.split_once("://") {
        Some((_, rest)) => &rest[rest.find('/')?..],
        None => url,
    };
    target.starts_with('/').then(|| target.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_path_of_the_next_page_counts() {
        assert_eq!(next_link("</v1/sites?cursor=a>; rel=\"next\"").as_deref(), Some("/v1/sites?cursor=a"));
        assert_eq!(
            next_link("</a>; rel=\"prev\", <https://evil.example/v1/sites?cursor=b>; rel=\"next\"").as_deref(),
            Some("/v1/sites?cursor=b")
        );
        assert_eq!(next_link("<https://evil.example>; rel=\"next\""), None);
        assert_eq!(next_link("</a>; rel=\"last\""), None);
    }
}
