//! The tokens of one value, noted while it is written and again while it is read.
//!
//! The codec writes neither names nor kinds. Bytes that are read as other kinds than they were written as can decode to
//! another value without an error. So both sides note each token that they pass to the codec, as a running hash: where
//! the hashes are equal, each token was read as what it was written as, and holds the same value.
//!
//! Tokens stand for what serde's data model says of a value, so that all that reads back in every format is equal here: a
//! string, bytes and a sequence of bytes are a length and single bytes; integers are equal at each width that the codec
//! writes alike; structs, tuples, newtypes and units have no token.

use std::cell::{Cell, RefCell};

use super::refusal::{Reason, Step};
use super::variants::{Distinct, Read, Written};

/// One thing that the codec writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Bool = 1,
    /// A byte as it is: a `u8`, an `i8` that isn't negative, or a byte of a string.
    Byte,
    NegativeByte,
    Unsigned,
    Signed,
    F32,
    F64,
    Char,
    Option,
    Variant,
    /// The number of a sequence's or a map's parts.
    Length,
    /// Parts of a sequence or a map that nobody read. Only reading notes it.
    Unread,
}

impl Token {
    /// Names the token for a message.
    pub(super) fn name(self) -> &'static str {
        match self {
            Token::Bool => "a bool",
            Token::Byte => "a byte",
            Token::NegativeByte => "a negative byte",
            Token::Unsigned => "an unsigned integer",
            Token::Signed => "a signed integer",
            Token::F32 => "an f32",
            Token::F64 => "an f64",
            Token::Char => "a char",
            Token::Option => "an option",
            Token::Variant => "a variant",
            Token::Length => "a length",
            Token::Unread => "fewer parts than its length",
        }
    }
}

/// A part of the outermost struct or variant: a field of a state, or an argument of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) place: usize,
    /// The field's name; only writing knows it.
    pub(crate) key: Option<&'static str>,
}

/// The notes of one pass over a value.
pub(super) struct Notes {
    /// Of all tokens but the last row.
    hash: Cell<u64>,
    /// The last token, and how often it stands in a row. A row enters the hash as one, so that a long string costs no more than
    /// a short one.
    row: Cell<u64>,
    part: Cell<Option<Part>>,
    /// The variants of this pass: those that were written, or the lists of those that were read.
    pub(super) written: Distinct<Written>,
    pub(super) read: Distinct<Read>,
    refusal: RefCell<Option<Box<Reason>>>,
    detail: Detail,
}

/// What is kept beside the hash.
pub(super) enum Detail {
    Nothing,
    /// The hash at the begin of each part, to tell which part differs.
    Parts(RefCell<Vec<(Part, u64)>>),
    /// All tokens, with the length of each row of bytes.
    Tokens(RefCell<Vec<(Token, u64)>>),
    /// The tokens of the other side, which these are held to.
    Against(Box<RefCell<Against>>),
}

impl Notes {
    pub(super) fn new(detail: Detail) -> Notes {
        let (hash, row, part) = (Cell::new(SEED), Cell::new(0), Cell::new(None));
        let (written, read) = Default::default();
        Notes { hash, row, part, written, read, refusal: RefCell::new(None), detail }
    }

    #[inline]
    pub(super) fn token(&self, token: Token) {
        self.row_of(token, 1);
    }

    #[inline]
    pub(super) fn bytes(&self, count: usize) {
        if count > 0 {
            self.row_of(Token::Byte, count as u64);
        }
    }

    #[inline]
    fn row_of(&self, token: Token, count: u64) {
        let row = self.row.get();
        if row & 0xff == token as u64 {
            self.row.set(row + (count << 8));
        } else {
            self.hash.set(mix(self.hash.get(), row));
            self.row.set(token as u64 | count << 8);
        }
        if !matches!(self.detail, Detail::Nothing) {
            self.keep(token, count);
        }
    }

    /// Notes an `i8`, which is a byte like others unless it is negative.
    #[inline]
    pub(super) fn signed_byte(&self, value: i8) {
        if value < 0 { self.token(Token::NegativeByte) } else { self.bytes(1) }
    }

    /// The hash of all tokens so far.
    pub(super) fn digest(&self) -> u64 {
        mix(self.hash.get(), self.row.get())
    }

    #[cold]
    fn keep(&self, token: Token, count: u64) {
        match &self.detail {
            Detail::Nothing | Detail::Parts(_) => {}
            Detail::Tokens(tokens) => {
                let mut tokens = tokens.borrow_mut();
                match tokens.last_mut() {
                    Some((Token::Byte, row)) if token == Token::Byte => *row += count,
                    _ => tokens.push((token, count)),
                }
            }
            Detail::Against(against) => against.borrow_mut().hold(token, count, self.part()),
        }
    }

    pub(super) fn begin_part(&self, part: Part) {
        self.part.set(Some(part));
        if let Detail::Parts(parts) = &self.detail {
            parts.borrow_mut().push((part, self.digest()));
        }
    }

    pub(super) fn part(&self) -> Option<Part> {
        self.part.get()
    }

    /// The parts, where they are kept: each with the hash at its end.
    pub(super) fn parts(&self) -> Vec<(Part, u64)> {
        let Detail::Parts(parts) = &self.detail else { return Vec::new() };
        let parts = parts.borrow();
        let ends = parts.iter().skip(1).map(|(_, begin)| *begin).chain([self.digest()]);
        parts.iter().map(|(part, _)| *part).zip(ends).collect()
    }

    /// Goes into a part of the value, for the path of a message.
    #[inline]
    pub(super) fn enter(&self, step: Step) {
        if let Detail::Against(against) = &self.detail {
            against.borrow_mut().path.push(step);
        }
    }

    #[inline]
    pub(super) fn leave(&self) {
        if let Detail::Against(against) = &self.detail {
            against.borrow_mut().path.pop();
        }
    }

    /// Keeps the first reason to refuse the value: the user's own code may hide the error that comes with it.
    pub(super) fn refuse(&self, reason: Reason) {
        self.refusal.borrow_mut().get_or_insert_with(|| Box::new(reason));
    }

    pub(super) fn refusal(&self) -> Option<Reason> {
        self.refusal.borrow_mut().take().map(|reason| *reason)
    }

    /// The tokens, where they are kept.
    pub(super) fn into_tokens(self) -> Vec<(Token, u64)> {
        match self.detail {
            Detail::Tokens(tokens) => tokens.into_inner(),
            _ => Vec::new(),
        }
    }

    pub(super) fn into_against(self) -> Option<Against> {
        match self.detail {
            Detail::Against(against) => Some(against.into_inner()),
            _ => None,
        }
    }
}

const SEED: u64 = 0x517c_c1b7_2722_0a95;

/// A step of rustc's `FxHash`: two equally long rows of tokens that differ in one never collide, and others by chance.
#[inline]
fn mix(hash: u64, token: u64) -> u64 {
    (hash.rotate_left(5) ^ token).wrapping_mul(SEED)
}

/// What was read, held to what is written: finds the first token at which they part.
pub(super) struct Against {
    read: Vec<(Token, u64)>,
    /// Whether all of it was read, up to the value's end.
    whole: bool,
    at: usize,
    /// How much of a row of bytes is passed.
    used: u64,
    path: Vec<Step>,
    found: Option<(Option<Part>, Reason)>,
}

impl Against {
    pub(super) fn new(read: Vec<(Token, u64)>, whole: bool) -> Against {
        Against { read, whole, at: 0, used: 0, path: Vec::new(), found: None }
    }

    fn hold(&mut self, token: Token, mut count: u64, part: Option<Part>) {
        while count > 0 && self.found.is_none() {
            let Some(&(read, row)) = self.read.get(self.at) else {
                if self.whole {
                    self.part_here(part, Some(token), None);
                }
                return;
            };
            if read != token {
                return self.part_here(part, Some(token), Some(read));
            }
            let passed = count.min(row - self.used);
            count -= passed;
            self.used += passed;
            if self.used == row {
                (self.at, self.used) = (self.at + 1, 0);
            }
        }
    }

    /// Why the value is refused, and at which of its parts, once all is written.
    pub(super) fn end(mut self) -> Option<(Option<Part>, Reason)> {
        if self.found.is_none()
            && let Some(&(read, _)) = self.read.get(self.at)
        {
            self.part_here(None, None, Some(read));
        }
        self.found
    }

    fn part_here(&mut self, part: Option<Part>, written: Option<Token>, read: Option<Token>) {
        let path = self.path.clone();
        self.found = Some((part, Reason::Parted { path, written, read }));
    }
}
