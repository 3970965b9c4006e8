/** The markets, as every table and option spells them. */
export const instrumentTypes = ['spot', 'futures-um', 'futures-cm'] as const;
export type InstrumentType = (typeof instrumentTypes)[number];

/** How much time an archive covers: a day or a month. */
export const cadences = ['daily', 'monthly'] as const;
export type Cadence = (typeof cadences)[number];

/** The origin of a bar: an archive of either cadence, or the exchange's REST API. */
export const dataSources = [...cadences, 'rest'] as const;
export type DataSource = (typeof dataSources)[number];

/** A ticker that is absent for more days than this counts as delisted. If it returns, a new spell begins (A24). */
export const daysOfASpell = 7;

/** The hour of the day, in UTC, at which a delivery contract expires (A32). */
export const deliveryHour = 8;
