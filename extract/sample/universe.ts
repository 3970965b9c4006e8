import { absence, archiveStart, hole, reusedTicker } from './cases.ts';
import { decimalsOf, unitsPerOne } from './numbers.ts';

/** A half-open range of UTC dates. Without `to` it is open-ended. */
export interface DateRange {
  readonly from: string;
  readonly to?: string;
}

export interface Spell extends DateRange {
  /** The asset that the ticker stands for in this spell. */
  readonly asset: string;
}

/** A symbol of the USD-M tree or of the spot tree. */
export interface Contract {
  readonly symbol: string;
  readonly kind: 'perpetual' | 'delivery' | 'settled' | 'spot';
  readonly quote: string;
  readonly priceDecimals: number;
  /** The smallest change of a price, in units of its last decimal. */
  readonly tick: number;
  readonly quantityDecimals: number;
  /** The quote volume of an ordinary day. */
  readonly volume: number;
  readonly spells: readonly Spell[];
  /** Days within its spells for which the archive has nothing. */
  readonly absent?: DateRange;
}

export interface Asset {
  /** In USDT, on the first day of the sample. */
  readonly price: number;
  /** The standard deviation of its own daily log return, without the market's. */
  readonly volatility: number;
}

/** The price in USDT and the volatility of each asset. LUNA and LUNA2 are two assets with the same ticker (A24). */
const assetTable: readonly (readonly [asset: string, price: number, volatility: number])[] = [
  ['BTC', 96_500, 0.008],
  ['ETH', 3_230, 0.016],
  ['SOL', 188, 0.022],
  ['XRP', 2.81, 0.026],
  ['DOGE', 0.362, 0.024],
  ['BNB', 698, 0.012],
  ['1000PEPE', 0.0178, 0.034],
  ['SUI', 4.71, 0.032],
  ['ADA', 1.02, 0.026],
  ['LINK', 20.6, 0.024],
  ['AVAX', 36.9, 0.025],
  ['LTC', 103.4, 0.022],
  ['TRX', 0.2251, 0.014],
  ['DOT', 6.74, 0.022],
  ['NEAR', 5.18, 0.028],
  ['APT', 9.06, 0.028],
  ['ARB', 0.752, 0.028],
  ['OP', 1.853, 0.029],
  ['FIL', 5.12, 0.026],
  ['INJ', 21.9, 0.032],
  ['TIA', 4.98, 0.034],
  ['WIF', 1.583, 0.045],
  ['1000SHIB', 0.02148, 0.024],
  ['1000BONK', 0.03061, 0.037],
  ['ORDI', 22.4, 0.036],
  ['AAVE', 288, 0.031],
  ['UNI', 13.41, 0.028],
  ['ETC', 25.93, 0.022],
  ['BCH', 441, 0.023],
  ['XLM', 0.4512, 0.027],
  ['HBAR', 0.2846, 0.031],
  ['ATOM', 6.508, 0.022],
  ['ALGO', 0.3712, 0.028],
  ['FET', 1.304, 0.034],
  ['ENA', 0.8471, 0.038],
  ['WLD', 2.093, 0.034],
  ['TAO', 437, 0.034],
  ['CRV', 0.851, 0.033],
  ['GALA', 0.03502, 0.029],
  ['KAVA', 0.4482, 0.024],
  ['LUNA', 0.3871, 0.052],
  ['LUNA2', 5.24, 0.06],
  ['4', 0.1171, 0.075],
  ['币安人生', 0.1834, 0.085],
  ['TRUMP', 31.2, 0.062],
  ['IP', 2.34, 0.055],
  ['KAITO', 1.462, 0.05],
  ['SYRUP', 0.2213, 0.045],
  ['H', 0.0412, 0.065],
  ['ALPACA', 0.0931, 0.07],
  ['BNX', 1.214, 0.058],
  ['DGB', 0.01104, 0.03],
  ['VIDT', 0.0271, 0.045],
  ['AERGO', 0.1302, 0.04],
  ['ICP', 10.24, 0.028],
];

export const assets: ReadonlyMap<string, Asset> = new Map(
  assetTable.map(([asset, price, volatility]) => [asset, { price, volatility }]),
);

const million = 1e6;

interface Lifecycle {
  readonly spells?: readonly (DateRange & { readonly asset?: string })[];
  readonly absent?: DateRange;
}

const quotePattern = /(USDT|USDC|BUSD|BTC)(_?SETTLED|_\d{6})?$/;

/** `tick` and `step` are written as the exchange does: `0.10` is a tick of ten cents, published with two decimals. */
const listed =
  (kind: Contract['kind']) =>
  (symbol: string, tick: string, step: string, millions: number, lifecycle: Lifecycle = {}): Contract => {
    const [suffix = '', quote = ''] = quotePattern.exec(symbol) ?? [];
    const asset = symbol.slice(0, symbol.length - suffix.length);
    const { spells = [{ from: archiveStart }], absent } = lifecycle;
    const priceDecimals = decimalsOf(tick);
    return {
      symbol,
      kind,
      quote,
      priceDecimals,
      tick: Math.round(Number(tick) * unitsPerOne(priceDecimals)),
      quantityDecimals: decimalsOf(step),
      volume: millions * million,
      spells: spells.map((spell) => ({ asset, ...spell })),
      ...(absent && { absent }),
    };
  };

const perpetual = listed('perpetual');
const delivery = listed('delivery');
const settled = listed('settled');
const spot = listed('spot');

/**
 * The sample's symbols (A22 to A25). The tick determines the decimals `p` of prices, the step the decimals `q` of
 * quantities, and quote volumes have `p + q` decimals (A5).
 */
export const contracts: readonly Contract[] = [
  perpetual('BTCUSDT', '0.10', '0.001', 15_500),
  perpetual('ETHUSDT', '0.01', '0.001', 10_500),
  perpetual('SOLUSDT', '0.0100', '1', 3_600),
  perpetual('XRPUSDT', '0.0001', '0.1', 1_900),
  perpetual('DOGEUSDT', '0.000010', '1', 1_250),
  perpetual('1000PEPEUSDT', '0.0000001', '1', 980),
  perpetual('SUIUSDT', '0.000100', '0.1', 760),
  perpetual('BNBUSDT', '0.010', '0.01', 520),
  perpetual('ADAUSDT', '0.00010', '1', 490),
  perpetual('LINKUSDT', '0.001', '0.01', 370),
  perpetual('AVAXUSDT', '0.0010', '1', 310),
  perpetual('LTCUSDT', '0.01', '0.001', 290),
  perpetual('TRXUSDT', '0.00001', '1', 180),
  perpetual('DOTUSDT', '0.001', '0.1', 170),
  perpetual('NEARUSDT', '0.0010', '1', 190),
  perpetual('APTUSDT', '0.00100', '0.1', 140),
  perpetual('ARBUSDT', '0.000100', '0.1', 150),
  perpetual('OPUSDT', '0.0001000', '0.1', 135),
  perpetual('FILUSDT', '0.001', '0.1', 120, { absent: hole }),
  perpetual('INJUSDT', '0.001000', '0.1', 95),
  perpetual('TIAUSDT', '0.0001000', '1', 130),
  perpetual('WIFUSDT', '0.0001000', '0.1', 260),
  perpetual('1000SHIBUSDT', '0.000001', '1', 160),
  perpetual('1000BONKUSDT', '0.0000010', '1', 145),
  perpetual('ORDIUSDT', '0.001000', '0.1', 105),
  perpetual('AAVEUSDT', '0.010', '0.1', 155),
  perpetual('UNIUSDT', '0.0010', '1', 165),
  perpetual('ETCUSDT', '0.001', '0.01', 85),
  perpetual('BCHUSDT', '0.01', '0.001', 230),
  perpetual('XLMUSDT', '0.00001', '1', 66),
  perpetual('HBARUSDT', '0.00001', '1', 92),
  perpetual('ATOMUSDT', '0.001', '0.01', 58),
  perpetual('ALGOUSDT', '0.0001', '0.1', 62),
  perpetual('FETUSDT', '0.0001', '1', 74),
  perpetual('ENAUSDT', '0.0001000', '1', 175),
  perpetual('WLDUSDT', '0.0001000', '1', 135),
  perpetual('TAOUSDT', '0.01', '0.001', 98),
  perpetual('CRVUSDT', '0.001', '0.1', 110),
  perpetual('GALAUSDT', '0.00001', '1', 38),
  perpetual('KAVAUSDT', '0.00010', '0.1', 9, { absent: absence }),
  perpetual('LUNAUSDT', '0.0001', '1', 26, {
    spells: [reusedTicker.first, { ...reusedTicker.second, asset: 'LUNA2' }],
  }),
  perpetual('TRUMPUSDT', '0.001000', '0.01', 240, { spells: [{ from: '2025-01-18' }] }),
  perpetual('IPUSDT', '0.0001000', '0.1', 64, { spells: [{ from: '2025-02-13' }] }),
  perpetual('KAITOUSDT', '0.0001000', '0.1', 88, { spells: [{ from: '2025-02-20' }] }),
  perpetual('4USDT', '0.0000100', '1', 34, { spells: [{ from: '2025-03-18' }] }),
  perpetual('SYRUPUSDT', '0.0001000', '1', 48, { spells: [{ from: '2025-05-06' }] }),
  perpetual('币安人生USDT', '0.0000100', '1', 57, { spells: [{ from: '2025-05-20' }] }),
  perpetual('HUSDT', '0.0000100', '1', 71, { spells: [{ from: '2025-06-25' }] }),
  perpetual('DGBUSDT', '0.00001', '1', 2.4, { spells: [{ from: archiveStart, to: '2025-02-22' }] }),
  perpetual('BNXUSDT', '0.0001000', '0.1', 13, { spells: [{ from: archiveStart, to: '2025-03-21' }] }),
  perpetual('ALPACAUSDT', '0.0000100', '1', 17, { spells: [{ from: archiveStart, to: '2025-05-01' }] }),
  perpetual('VIDTUSDT', '0.0000100', '1', 1.3, { spells: [{ from: archiveStart, to: '2025-06-06' }] }),
  perpetual('AERGOUSDT', '0.0000100', '1', 5.5, { spells: [{ from: '2025-04-16' }] }),
  perpetual('ICPUSDT', '0.001', '1', 42),
  perpetual('BTCUSDC', '0.1', '0.001', 1_500),
  perpetual('ETHUSDC', '0.01', '0.001', 1_150),
  perpetual('SOLUSDC', '0.0100', '0.01', 320),
  perpetual('DOGEBUSD', '0.000010', '1', 1.1),
  perpetual('ETHBTC', '0.000001', '0.01', 0.00085),
  delivery('BTCUSDT_250627', '0.1', '0.001', 110, { spells: [{ from: archiveStart, to: '2025-06-28' }] }),
  delivery('ETHUSDT_250627', '0.01', '0.001', 46, { spells: [{ from: archiveStart, to: '2025-06-28' }] }),
  delivery('BTCUSDT_250926', '0.1', '0.001', 88, { spells: [{ from: '2025-03-28', to: '2025-09-27' }] }),
  delivery('ETHUSDT_250926', '0.01', '0.001', 37, { spells: [{ from: '2025-03-28', to: '2025-09-27' }] }),
  settled('AERGOUSDTSETTLED', '0.0000100', '1', 0),
  settled('ICPUSDT_SETTLED', '0.0010000', '1', 0),
  spot('BTCUSDT', '0.01', '0.001', 1_450),
  spot('ETHUSDT', '0.01', '0.0001', 1_150),
  spot('SOLUSDT', '0.01', '0.001', 420),
  spot('XRPUSDT', '0.0001', '0.1', 330),
  spot('BNBUSDT', '0.01', '0.001', 210),
];

/** Returns the name of a contract's random streams. A symbol in both trees has different figures in each. */
export const streamOf = ({ kind, symbol }: Contract): string => (kind === 'spot' ? `spot/${symbol}` : symbol);
