type Entry = Readonly<Record<string, unknown>>;

const isText = (value: unknown) => typeof value === 'string';
const isTexts = (value: unknown) => Array.isArray(value) && value.every((one) => one === null || isText(one));
const isMap = (value: unknown): value is Entry =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const TEXT = { fits: isText, name: 'a text', fix: 'Write it in quotation marks.' };
const FLAG = {
  fits: (value: unknown) => typeof value === 'boolean',
  name: 'true or false',
  fix: 'Write it without quotation marks.',
};
const TEXTS = {
  fits: isTexts,
  name: 'a list of texts',
  fix: 'Write a list, and each text of it in quotation marks.',
};
const LISTS = {
  fits: (value: unknown) => isMap(value) && Object.values(value).every((one) => one === null || isTexts(one)),
  name: 'a map of lists of texts',
  fix: 'Write a list for each of its keys.',
};

/** What the fields that we read have to be (k8s.io/client-go, tools/clientcmd/api/v1, Cluster and AuthInfo). */
const FIELDS = {
  server: TEXT,
  'tls-server-name': TEXT,
  'insecure-skip-tls-verify': FLAG,
  'certificate-authority': TEXT,
  'certificate-authority-data': TEXT,
  'proxy-url': TEXT,
  'client-certificate': TEXT,
  'client-certificate-data': TEXT,
  'client-key': TEXT,
  'client-key-data': TEXT,
  token: TEXT,
  tokenFile: TEXT,
  username: TEXT,
  password: TEXT,
  as: TEXT,
  'as-uid': TEXT,
  'as-groups': TEXTS,
  'as-user-extra': LISTS,
};

/** A field that is something else. Its message is a clause that never shows the value: it may be a secret. */
export class WrongField extends Error {
  readonly fix: string;

  constructor(key: string, { name, fix }: { name: string; fix: string }) {
    super(`${key} is not ${name}`);
    this.fix = fix;
  }
}

/**
 * The fields of an entry, without those that are null or empty: they say nothing, as no field would. Throws a
 * WrongField.
 */
export function readFields(entry: Entry): Entry {
  return Object.fromEntries(
    Object.entries(entry).filter(([key, value]) => {
      if (value === null || value === undefined) return false;
      if (!Object.hasOwn(FIELDS, key)) return true;
      const field = FIELDS[key as keyof typeof FIELDS];
      if (!field.fits(value)) throw new WrongField(key, field);
      return typeof value === 'boolean' || Object.keys(value).length > 0;
    }),
  );
}
