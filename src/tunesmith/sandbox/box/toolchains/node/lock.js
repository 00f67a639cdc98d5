// Locks what tests rely on, before the program runs: the language's own objects keep their methods.
// Programs may still add to prototypes (but Object's), shadow names in functions and extend classes.
'use strict';

const { defineProperty, getOwnPropertyDescriptor, getOwnPropertyNames, getPrototypeOf, preventExtensions } = Object;
const { ownKeys } = Reflect;

// Objects that others inherit from and often differ in by assignment (`this.toString = ...`), which a
// locked property of the prototype would forbid: there it becomes an accessor that lends.
const LENDERS = new Set([Object.prototype, Function.prototype, Error.prototype]);
const LENT = ['toString', 'toLocaleString', 'valueOf', 'hasOwnProperty', 'isPrototypeOf', 'propertyIsEnumerable'];
const NAMESPACES = ['Math', 'JSON', 'Reflect', 'Atomics', 'Intl', 'console'];

function lend(owner, key, value) {
  defineProperty(owner, key, {
    get: () => value,
    set(own) {
      if (this !== owner && (typeof this === 'object' || typeof this === 'function') && this !== null) {
        defineProperty(this, key, { value: own, writable: true, enumerable: true, configurable: true });
      }
    },
    enumerable: false,
    configurable: false,
  });
}

function lock(owner) {
  for (const key of ownKeys(owner)) {
    const own = getOwnPropertyDescriptor(owner, key);
    if (!own.configurable || key === 'constructor') continue;
    if (own.get || own.set) defineProperty(owner, key, { configurable: false });
    else if (typeof own.value !== 'function') continue;
    else if (LENDERS.has(owner) && LENT.includes(key)) lend(owner, key, own.value);
    else defineProperty(owner, key, { writable: false, configurable: false });
  }
}

// The constructors, prototypes and namespaces that the language defines.
function intrinsics() {
  const found = new Set();
  const add = (value) => {
    if (value && (typeof value === 'object' || typeof value === 'function')) found.add(value);
  };
  for (const name of getOwnPropertyNames(globalThis)) {
    const { value } = getOwnPropertyDescriptor(globalThis, name);
    if (!NAMESPACES.includes(name) && (typeof value !== 'function' || /^[a-z]/.test(name))) continue;
    add(value);
    add(value.prototype);
  }
  const iterators = [[].values(), ''[Symbol.iterator](), new Map().keys(), new Set().keys(), ''.matchAll(/./g)];
  for (const iterator of iterators) {
    add(getPrototypeOf(iterator));
    add(getPrototypeOf(getPrototypeOf(iterator)));
  }
  for (const made of [function* () {}, async function* () {}, async () => {}]) {
    add(getPrototypeOf(made));
    for (let proto = made.prototype; proto; proto = getPrototypeOf(proto)) add(proto);
  }
  add(getPrototypeOf(Int8Array));
  add(getPrototypeOf(Int8Array.prototype));
  return found;
}

exports.lockLanguage = () => {
  for (const owner of intrinsics()) lock(owner);
  for (const { prototype } of [Array, String, Number, Boolean, Map, Set, RegExp]) {
    defineProperty(prototype, 'toJSON', { value: undefined, writable: false, configurable: false });
  }
  lend(Object.prototype, 'toJSON', undefined);
  preventExtensions(Object.prototype);
};

// Names that stand in `text` can no longer be given another meaning, not even by a declaration.
exports.lockNames = (text) => {
  for (const name of new Set(text.match(/[A-Za-z_$][\w$]*/g))) {
    const own = getOwnPropertyDescriptor(globalThis, name);
    if (!own || !own.configurable) continue;
    const value = globalThis[name];
    defineProperty(globalThis, name, { value, writable: false, enumerable: own.enumerable, configurable: false });
  }
};

// `object` keeps these methods.
exports.lockMethods = (object, names) => {
  for (const name of names) {
    defineProperty(object, name, { value: object[name], writable: false, configurable: false });
  }
};
