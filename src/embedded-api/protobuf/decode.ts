import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { isArray, isObject, type Json, type JsonObject, parseJson, textAt } from '../objects/json.ts';
import { type Field, type FieldType, type Message, messageOfKind, UNKNOWN } from './messages.ts';

/** The media type of objects in this form. */
export const PROTOBUF = 'application/vnd.kubernetes.protobuf';

/** What the bodies begin with (k8s.io/apimachinery, runtime/serializer/protobuf). */
const MAGIC = Buffer.from('k8s\0', 'latin1');

/** A kind that is not taken in this form. */
export class UnknownMessage extends Error {
  override readonly name = 'UnknownMessage';
}

const WIRE_TYPES: Partial<Record<FieldType & string, WireType>> = {
  count: WireType.Varint,
  flag: WireType.Varint,
};

function wireTypeOf(type: FieldType): WireType {
  return (typeof type === 'string' ? WIRE_TYPES[type] : undefined) ?? WireType.LengthDelimited;
}

/** A 64-bit number as JSON has it. Throws a RangeError past 2^53. */
function integer(reader: BinaryReader): number {
  const value = Number(reader.int64());
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not a number that JSON can hold`);
  return value;
}

/** Number fields of a small message that is not an object in JSON: Time, IntOrString. */
function readScalars(bytes: Uint8Array): { numbers: ReadonlyMap<number, number>; text: string } {
  const reader = new BinaryReader(bytes);
  const numbers = new Map<number, number>();
  let text = '';
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType === WireType.Varint) numbers.set(number, integer(reader));
    else if (wireType === WireType.LengthDelimited) text = reader.string();
    else reader.skip(wireType, number);
  }
  return { numbers, text };
}

/** RFC 3339 in UTC; null for Go's zero time, which is written as no message at all or as year 1. */
function timeText(bytes: Uint8Array, digits: 0 | 6): Json {
  const { numbers } = readScalars(bytes);
  const seconds = numbers.get(1);
  if (seconds === undefined) return null;
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  const micros = Math.floor((numbers.get(2) ?? 0) / 1000);
  return digits === 0 ? `${whole}Z` : `${whole}.${String(micros).padStart(6, '0')}Z`;
}

function intOrString(bytes: Uint8Array): Json {
  const { numbers, text } = readScalars(bytes);
  return numbers.get(1) === 1 ? text : (numbers.get(2) ?? 0);
}

function readValue(reader: BinaryReader, type: FieldType): Json {
  if (typeof type !== 'string') return readMessage(reader.bytes(), type);
  switch (type) {
    case 'text':
      return reader.string();
    case 'count':
      return integer(reader);
    case 'flag':
      return reader.bool();
    case 'bytes':
      return Buffer.from(reader.bytes()).toString('base64');
    case 'time':
      return timeText(reader.bytes(), 0);
    case 'micro-time':
      return timeText(reader.bytes(), 6);
    case 'int-or-string':
      return intOrString(reader.bytes());
    case 'json':
      return parseJson(readScalars(reader.bytes()).text);
  }
}

/** One entry of a map: a message with the key as field 1 and the value as field 2. */
function readEntry(bytes: Uint8Array, type: FieldType): readonly [string, Json] {
  const reader = new BinaryReader(bytes);
  let key = '';
  let value: Json = type === 'text' || type === 'bytes' ? '' : null;
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === 1) key = reader.string();
    else if (number === 2) value = readValue(reader, type);
    else reader.skip(wireType, number);
  }
  return [key, value];
}

/** Whether Go leaves the value out of JSON (`omitempty`). */
function isNothing(value: Json): boolean {
  return value === null || value === '' || value === 0 || value === false;
}

function isEmpty(value: Json): boolean {
  return isNothing(value) || (isObject(value) && Object.keys(value).length === 0);
}

function add(object: Record<string, Json>, { name, repeated, isPointer }: Field, value: Json): void {
  const present = object[name];
  if (repeated === 'list') object[name] = [...(isArray(present) ? present : []), value];
  else if (isPointer || !isEmpty(value)) object[name] = value;
}

function readMessage(bytes: Uint8Array, { fields }: Message): JsonObject {
  const reader = new BinaryReader(bytes);
  const object: Record<string, Json> = {};
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const field = fields.get(number);
    // As kube-apiserver: a field that a newer client knows is none here.
    if (field === undefined) {
      reader.skip(wireType, number);
      continue;
    }
    const expected = field.repeated === 'map' ? WireType.LengthDelimited : wireTypeOf(field.type);
    if (wireType !== expected) throw new RangeError(`wrong wire type ${wireType} for field ${field.name}`);
    if (field.repeated === 'map') {
      const [key, value] = readEntry(reader.bytes(), field.type);
      const present = object[field.name];
      object[field.name] = { ...(isObject(present) ? present : {}), [key]: value };
    } else {
      add(object, field, readValue(reader, field.type));
    }
  }
  return object;
}

/**
 * Reads an object as kubectl and client-go send it: the magic, a runtime.Unknown that names the kind, and in that the
 * message. Throws an UnknownMessage for a kind that is not taken so, and a RangeError or SyntaxError for what is broken.
 */
export function decodeProtobuf(body: Buffer): JsonObject {
  if (!body.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new RangeError(
      'provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]',
    );
  }
  const envelope = readMessage(body.subarray(MAGIC.length), UNKNOWN);
  const apiVersion = textAt(envelope, 'typeMeta', 'apiVersion') ?? '';
  const kind = textAt(envelope, 'typeMeta', 'kind') ?? '';
  const message = messageOfKind(apiVersion, kind);
  if (message === undefined) throw new UnknownMessage(`${kind} of ${apiVersion}`);
  const raw = Buffer.from(textAt(envelope, 'raw') ?? '', 'base64');
  return { apiVersion, kind, ...readMessage(raw, message) };
}
