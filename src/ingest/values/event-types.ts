import { EVENT_TYPE_ALIASES } from '../../event/fields.ts';

/** A known type of event, and what others call it, by where the name is from. */
export interface EventType {
  readonly name: string;
  readonly description: string;
  readonly aliases: Readonly<Record<string, readonly string[]>>;
}

/**
 * The vocabulary of event types: the one declaration from which they are read and documented. Names are compared without case,
 * blanks and punctuation, so `addToCart` and `ADD-TO-CART` need no rows of their own.
 */
export const EVENT_TYPES: readonly EventType[] = [
  {
    name: 'view_page',
    description: 'A page was seen that is none of the others.',
    aliases: {
      Segment: ['page', 'Viewed Page'],
      GA4: ['page_view'],
      Meta: ['PageView'],
      Amplitude: ['[Amplitude] Page Viewed'],
      PostHog: ['$pageview', '$screen'],
      Shopify: ['page_viewed'],
      usual: ['view page', 'page viewed', 'screen view'],
    },
  },
  {
    name: 'view_product',
    description: 'The page of a product was seen.',
    aliases: {
      Segment: ['Viewed Product', 'Product Clicked'],
      GA4: ['view_item'],
      Meta: ['ViewContent'],
      Snowplow: ['product_view'],
      Matomo: ['ecommerceView', 'ecommerceProductView', 'setEcommerceView'],
      REES46: ['view'],
      RetailRocket: ['view'],
      usual: ['product detail', 'view content', 'item view', 'product_page_view'],
    },
  },
  {
    name: 'view_list',
    description: 'A list or category of products was seen.',
    aliases: {
      Segment: ['Viewed Product Category', 'Product List Filtered'],
      GA4: ['view_item_list'],
      Meta: ['ViewCategory'],
      Snowplow: ['list_view'],
      Shopify: ['collection_viewed'],
      usual: ['view category', 'category view', 'category viewed', 'list viewed'],
    },
  },
  {
    name: 'click_product',
    description: 'A product was chosen from a list.',
    aliases: { GA4: ['select_item'], Snowplow: ['list_click'], usual: ['product click'] },
  },
  {
    name: 'search',
    description: 'The visitor searched.',
    aliases: {
      Segment: ['Searched Products'],
      GA4: ['view_search_results'],
      Shopify: ['search_submitted'],
      Matomo: ['siteSearch', 'trackSiteSearch'],
      usual: ['searched', 'site search'],
    },
  },
  {
    name: 'add_to_wishlist',
    description: 'A product was put on a list of wishes.',
    aliases: { Segment: ['Product Added to Wishlist'], usual: ['wishlist', 'added to wishlist'] },
  },
  {
    name: 'add_to_cart',
    description: 'A product was put into the cart.',
    aliases: {
      Segment: ['Added Product'],
      Shopify: ['product_added_to_cart'],
      WooCommerce: ['woocommerce_add_to_cart'],
      Matomo: ['addEcommerceItem'],
      REES46: ['cart'],
      RetailRocket: ['addtocart'],
      usual: ['added to cart', 'cart add', 'add to basket', 'add to bag', 'addcart'],
    },
  },
  {
    name: 'remove_from_cart',
    description: 'A product was taken out of the cart.',
    aliases: {
      Segment: ['Removed Product'],
      Shopify: ['product_removed_from_cart'],
      WooCommerce: ['woocommerce_remove_cart_item'],
      Matomo: ['removeEcommerceItem'],
      REES46: ['remove_from_cart'],
      usual: ['removed from cart', 'cart remove', 'remove from basket', 'delete from cart'],
    },
  },
  {
    name: 'view_cart',
    description: 'The cart was seen.',
    aliases: { Segment: ['Viewed Cart'], usual: ['view basket', 'cart view', 'basket viewed'] },
  },
  {
    name: 'checkout',
    description: 'The visitor began to check out.',
    aliases: {
      Segment: ['Started Checkout'],
      GA4: ['begin_checkout'],
      Meta: ['InitiateCheckout'],
      Snowplow: ['checkout_step'],
      Shopify: ['checkouts/create'],
      WooCommerce: ['woocommerce_before_checkout_form'],
      usual: [
        'checkout begin',
        'start checkout',
        'checkout start',
        'initiate checkout',
        'initiated checkout',
      ],
    },
  },
  {
    name: 'add_shipping_info',
    description: 'The address or the way of shipping was given.',
    aliases: {
      Shopify: ['checkout_shipping_info_submitted', 'checkout_address_info_submitted'],
      usual: ['shipping info entered'],
    },
  },
  {
    name: 'add_payment_info',
    description: 'The way to pay was given.',
    aliases: { Segment: ['Payment Info Entered'], Shopify: ['payment_info_submitted'] },
  },
  {
    name: 'purchase',
    description: 'An order was placed. Its amount counts as revenue.',
    aliases: {
      Segment: ['Completed Order'],
      GA4: ['in_app_purchase', 'ecommerce_purchase'],
      Snowplow: ['transaction', 'tr_orderid'],
      Shopify: ['checkout_completed', 'orders/create', 'orders/paid', 'Placed Order'],
      WooCommerce: ['order.created', 'woocommerce_new_order', 'woocommerce_payment_complete'],
      Matomo: ['ecommerceOrder', 'trackEcommerceOrder'],
      Amplitude: ['revenue_amount'],
      RetailRocket: ['transaction'],
      'Online Retail': ['invoice'],
      usual: [
        'purchased',
        'purchase completed',
        'complete purchase',
        'complete order',
        'order complete',
        'order placed',
        'place order',
        'order created',
        'order paid',
        'order',
        'new order',
        'sale',
        'buy',
        'checkout complete',
        'checkout success',
      ],
    },
  },
  {
    name: 'refund',
    description: 'Money was given back. Its amount counts as refunded, whatever its sign.',
    aliases: {
      Segment: ['Refunded Order'],
      Shopify: ['refunds/create'],
      WooCommerce: ['woocommerce_order_refunded', 'order.refunded'],
      Stripe: ['charge.refunded'],
      usual: ['refunded', 'refund created', 'purchase refunded', 'return', 'returned'],
    },
  },
  {
    name: 'cancel',
    description: 'An order was cancelled.',
    aliases: {
      Shopify: ['orders/cancelled'],
      WooCommerce: ['woocommerce_order_status_cancelled'],
      'Online Retail': ['cancellation'],
      usual: ['cancelled', 'canceled', 'order canceled', 'cancel order', 'cancelled order'],
    },
  },
  {
    name: 'view_promotion',
    description: 'A promotion was seen.',
    aliases: { Segment: ['Promotion Viewed'], Snowplow: ['promo_view'] },
  },
  {
    name: 'click_promotion',
    description: 'A promotion was clicked.',
    aliases: { Segment: ['Promotion Clicked'], GA4: ['select_promotion'], Snowplow: ['promo_click'] },
  },
  {
    name: 'sign_up',
    description: 'An account was made.',
    aliases: {
      Segment: ['Signed Up', 'Account Created'],
      Meta: ['CompleteRegistration'],
      WooCommerce: ['customer.created'],
      Shopify: ['customers/create'],
      usual: ['registration', 'register', 'registered'],
    },
  },
  {
    name: 'login',
    description: 'The visitor logged in.',
    aliases: { Segment: ['Signed In'], usual: ['logged in', 'sign in', 'user login'] },
  },
];

const UNIMPORTANT = /[^\p{L}\p{N}]+/gu;

/** What is compared of the name of an event type: its letters and digits, in lower case. */
export function foldEventType(name: string): string {
  return name.normalize('NFKC').toLowerCase().replace(UNIMPORTANT, '');
}

/** Our name by the folded name of every type and alias. */
export const EVENT_TYPE_BY_FOLDED: ReadonlyMap<string, string> = new Map([
  ...EVENT_TYPES.flatMap(({ name, aliases }) =>
    [name, ...Object.values(aliases).flat()].map((alias) => [foldEventType(alias), name] as const),
  ),
  ...Object.entries(EVENT_TYPE_ALIASES).map(([alias, name]) => [foldEventType(alias), name] as const),
]);

/** Names in their usual spelling, for what somebody may have meant. */
export const EVENT_TYPE_NAMES: readonly string[] = [
  ...EVENT_TYPES.flatMap(({ name, aliases }) => [name, ...Object.values(aliases).flat()]),
  ...Object.keys(EVENT_TYPE_ALIASES),
];
