//! The tokens of one value, noted while it is written and while it is read.
//!
//! The codec writes neither names nor types. Bytes that are read as other types than they were written as can decode to
//! another value without an error. So the writer and the reader each note every token that they pass to the codec, in a running
//! hash. If the hashes are equal, each token was read as the token that was written, and has the same value.
//!
//! Values that every format reads back as each other have equal tokens. A string, bytes and a sequence of bytes are a length
//! and single bytes. Integers of all widths that the codec writes alike are equal. Structs, tuples, newtypes and units have no
//! token.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::refusal::{PathStep, Reason};
use super::sample::SampleNames;
use super::variants::{Distinct, ReadEnum, WrittenVariant};

/// A unit that the codec writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Bool = 1,
    /// A `u8`, an `i8` that isn't negative, or a byte of a string.
    Byte,
    NegativeByte,
    Unsigned,
    Signed,
    F32,
    F64,
    Char,
    Option,
    Variant,
    /// The number of parts of a sequence or a map.
    Length,
    /// Parts of a sequence or a map that the type didn't read. Only the reader notes it.
    Unread,
}

impl Token {
    /// Returns the token's name, for messages.
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

/// A field of the whole value: of a state, or an argument of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RootField {
    pub(crate) index: usize,
    /// The field's name. Only the writer knows it.
    pub(crate) name: Option<&'static str>,
}

/// The notes of one pass over a value.
pub(super) struct Notes {
    /// The hash of all tokens but the last run.
    hash: Cell<u64>,
    /// The last token, and how often it was repeated. A run enters the hash once, so that a long string costs no more than a
    /// short one.
    run: Cell<u64>,
    field: Cell<Option<RootField>>,
    pub(super) written: Distinct<WrittenVariant>,
    pub(super) read: Distinct<ReadEnum>,
    refusal: RefCell<Option<Box<Reason>>>,
    detail: Detail,
}

/// The details that notes keep besides the hash.
pub(super) enum Detail {
    Nothing,
    /// The hash before each root field, to tell which field differs.
    RootFields(RefCell<Vec<(RootField, u64)>>),
    /// All tokens. A run of bytes is one entry.
    Tokens(RefCell<Vec<(Token, u64)>>),
    /// The first difference to the tokens of the other side.
    Comparison(Box<RefCell<Comparison>>),
    /// The names that a sample was written with.
    Sample(Rc<SampleNames>),
}

impl Notes {
    pub(super) fn new(detail: Detail) -> Notes {
        let (hash, run, field) = (Cell::new(SEED), Cell::new(0), Cell::new(None));
        let (written, read) = Default::default();
        Notes { hash, run, field, written, read, refusal: RefCell::new(None), detail }
    }

    /// Notes that tell which root field differs.
    pub(super) fn of_root_fields() -> Notes {
        Notes::new(Detail::RootFields(RefCell::default()))
    }

    #[inline]
    pub(super) fn token(&self, token: Token) {
        self.tokens(token, 1);
    }

    #[inline]
    pub(super) fn bytes(&self, count: usize) {
        if count > 0 {
            self.tokens(Token::Byte, count as u64);
        }
    }

    #[inline]
    fn tokens(&self, token: Token, count: u64) {
        let run = self.run.get();
        if run & 0xff == token as u64 {
            self.run.set(run + (count << 8));
        } else {
            self.hash.set(mix(self.hash.get(), run));
            self.run.set(token as u64 | count << 8);
        }
        if !matches!(self.detail, Detail::Nothing) {
            self.keep(token, count);
        }
    }

    /// Notes an `i8`, which is written as a `u8` is unless it is negative.
    #[inline]
    pub(super) fn signed_byte(&self, value: i8) {
        if value < 0 { self.token(Token::NegativeByte) } else { self.bytes(1) }
    }

    /// Returns the hash of all tokens so far.
    pub(super) fn digest(&self) -> u64 {
        mix(self.hash.get(), self.run.get())
    }

    #[cold]
    fn keep(&self, token: Token, count: u64) {
        match &self.detail {
            Detail::Nothing | Detail::RootFields(_) | Detail::Sample(_) => {}
            Detail::Tokens(tokens) => {
                let mut tokens = tokens.borrow_mut();
                match tokens.last_mut() {
                    Some((Token::Byte, run)) if token == Token::Byte => *run += count,
                    _ => tokens.push((token, count)),
                }
            }
            Detail::Comparison(comparison) => comparison.borrow_mut().compare(token, count, self.field()),
        }
    }

    /// Begins the next root field.
    pub(super) fn begin_field(&self, name: Option<&'static str>) {
        let index = self.field.get().map_or(0, |last| last.index + 1);
        let field = RootField { index, name };
        self.field.set(Some(field));
        if let Detail::RootFields(fields) = &self.detail {
            fields.borrow_mut().push((field, self.digest()));
        }
    }

    /// Returns the current root field.
    pub(super) fn field(&self) -> Option<RootField> {
        self.field.get()
    }

    /// Returns the root fields, each with the hash after it, if these notes keep them.
    pub(super) fn fields(&self) -> Vec<(RootField, u64)> {
        let Detail::RootFields(fields) = &self.detail else { return Vec::new() };
        let fields = fields.borrow();
        let ends = fields.iter().skip(1).map(|(_, begin)| *begin).chain([self.digest()]);
        fields.iter().map(|(field, _)| *field).zip(ends).collect()
    }

    /// Enters a part of the value, after so many `written` bytes. Returns false if a sample is too large.
    #[inline]
    pub(super) fn enter(&self, step: PathStep, written: usize) -> bool {
        !self.follows_parts() || self.enter_part(step, written)
    }

    #[inline]
    pub(super) fn leave(&self) {
        if self.follows_parts() {
            self.leave_part();
        }
    }

    #[inline]
    fn follows_parts(&self) -> bool {
        matches!(self.detail, Detail::Comparison(_) | Detail::Sample(_))
    }

    // Cold, so that it isn't compiled into the code of each type.
    #[cold]
    fn enter_part(&self, step: PathStep, written: usize) -> bool {
        match &self.detail {
            Detail::Comparison(comparison) => comparison.borrow_mut().path.push(step),
            Detail::Sample(names) => return names.enter(written),
            _ => {}
        }
        true
    }

    #[cold]
    fn leave_part(&self) {
        match &self.detail {
            Detail::Comparison(comparison) => drop(comparison.borrow_mut().path.pop()),
            Detail::Sample(names) => names.leave(),
            _ => {}
        }
    }

    /// Returns the collector of names, if the value is a sample.
    #[inline]
    pub(super) fn sample(&self) -> Option<&SampleNames> {
        match &self.detail {
            Detail::Sample(names) => Some(names),
            _ => None,
        }
    }

    /// Keeps the first reason to refuse the value, because the type's own code may drop the error that comes with it.
    pub(super) fn refuse(&self, reason: Reason) {
        self.refusal.borrow_mut().get_or_insert_with(|| Box::new(reason));
    }

    pub(super) fn refusal(&self) -> Option<Reason> {
        self.refusal.borrow_mut().take().map(|reason| *reason)
    }

    /// Returns the tokens, if these notes keep them.
    pub(super) fn into_tokens(self) -> Vec<(Token, u64)> {
        match self.detail {
            Detail::Tokens(tokens) => tokens.into_inner(),
            _ => Vec::new(),
        }
    }

    pub(super) fn into_comparison(self) -> Option<Comparison> {
        match self.detail {
            Detail::Comparison(comparison) => Some(comparison.into_inner()),
            _ => None,
        }
    }
}

const SEED: u64 = 0x517c_c1b7_2722_0a95;

/// Mixes a token into the hash, as rustc's `FxHash` does. Two rows of tokens that differ in one token never collide, and others
/// only by chance.
#[inline]
fn mix(hash: u64, token: u64) -> u64 {
    (hash.rotate_left(5) ^ token).wrapping_mul(SEED)
}

/// Compares the tokens that are written with those that were read, and keeps the first difference.
pub(super) struct Comparison {
    read: Vec<(Token, u64)>,
    /// True if the value was read to its end.
    is_whole: bool,
    at: usize,
    /// The bytes of the current run that were compared.
    used: u64,
    path: Vec<PathStep>,
    found: Option<(Option<RootField>, Reason)>,
}

impl Comparison {
    pub(super) fn new(read: Vec<(Token, u64)>, is_whole: bool) -> Comparison {
        Comparison { read, is_whole, at: 0, used: 0, path: Vec::new(), found: None }
    }

    fn compare(&mut self, token: Token, mut count: u64, field: Option<RootField>) {
        while count > 0 && self.found.is_none() {
            let Some(&(read, run)) = self.read.get(self.at) else {
                if self.is_whole {
                    self.differs_here(field, Some(token), None);
                }
                return;
            };
            if read != token {
                return self.differs_here(field, Some(token), Some(read));
            }
            let passed = count.min(run - self.used);
            count -= passed;
            self.used += passed;
            if self.used == run {
                (self.at, self.used) = (self.at + 1, 0);
            }
        }
    }

    /// Returns the difference and its root field, after all is written.
    pub(super) fn end(mut self) -> Option<(Option<RootField>, Reason)> {
        if self.found.is_none()
            && let Some(&(read, _)) = self.read.get(self.at)
        {
            self.differs_here(None, None, Some(read));
        }
        self.found
    }

    fn differs_here(&mut self, field: Option<RootField>, written: Option<Token>, read: Option<Token>) {
        let path = self.path.clone();
        self.found = Some((field, Reason::Differs { path, written, read }));
    }
}
