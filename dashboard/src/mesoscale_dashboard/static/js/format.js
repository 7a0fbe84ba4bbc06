// Numbers, amounts and times as the page writes them.
const THIN = "\u2009";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const upToFour = new Intl.NumberFormat("en", { maximumFractionDigits: 4 });
const tenths = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

const thin = (text) => text.replaceAll(",", THIN);

export const count = (value) => (value === null || value === undefined ? "–" : thin(whole.format(value)));

// 0, 0.4, 87, 1 240
export const rate = (value) => (value > 0 && value < 9.95 ? tenths.format(value) : count(value));

// 950, 1.2k, 34k, 1.2M: for axes and other narrow places
export function short(value) {
  const [size, unit] = value >= 1e9 ? [1e9, "G"] : value >= 1e6 ? [1e6, "M"] : value >= 1e3 ? [1e3, "k"] : [1, ""];
  const scaled = value / size;
  return (scaled < 10 && scaled % 1 !== 0 ? scaled.toFixed(1) : String(Math.round(scaled))) + unit;
}

export const decimal = (value, unit) => (typeof value === "number" ? thin(tenths.format(value)).replace("-", "−") + unit : "–");

// Any number of any record
export const plain = (value) => thin(upToFour.format(value)).replace("-", "−");

export const megabytes = (bytes) => `${count(bytes / 1e6)} MB`;

const currencies = new Map();

// `minor` counts the currency's smallest unit: cents, pence, whole yen.
export function money(minor, currency) {
  if (!currencies.has(currency)) {
    const format = new Intl.NumberFormat("en", { style: "currency", currency, currencyDisplay: "narrowSymbol" });
    currencies.set(currency, { format, digits: format.resolvedOptions().maximumFractionDigits });
  }
  const { format, digits } = currencies.get(currency);
  return thin(format.format(minor / 10 ** digits));
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const minute = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const month = new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric", timeZone: "UTC" });
const observed = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZone: "UTC",
});

export const timeOfDay = (moment) => clock.format(moment);
export const hourAndMinute = (moment) => minute.format(moment);
export const dayOfYear = (moment) => day.format(moment);
export const monthAndYear = (moment) => month.format(moment);
export const dayAndHour = (moment) => observed.format(moment);
