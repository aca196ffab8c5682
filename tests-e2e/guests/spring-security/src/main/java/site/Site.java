package site;

import java.time.Duration;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.client.OAuth2AuthorizeRequest;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClientProviderBuilder;
import org.springframework.security.oauth2.client.authentication.OAuth2AuthenticationToken;
import org.springframework.security.oauth2.client.oidc.web.logout.OidcClientInitiatedLogoutSuccessHandler;
import org.springframework.security.oauth2.client.registration.ClientRegistrationRepository;
import org.springframework.security.oauth2.client.web.DefaultOAuth2AuthorizedClientManager;
import org.springframework.security.oauth2.client.web.OAuth2AuthorizedClientRepository;
import org.springframework.security.oauth2.core.oidc.user.OidcUser;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.servlet.view.RedirectView;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;

/** A site with Spring Security's OAuth 2.0 client. */
@SpringBootApplication
@RestController
public class Site {
    public static void main(String[] arguments) {
        SpringApplication.run(Site.class, arguments);
    }

    @Bean
    SecurityFilterChain security(HttpSecurity http, ClientRegistrationRepository registrations) throws Exception {
        var signOut = new OidcClientInitiatedLogoutSuccessHandler(registrations);
        signOut.setPostLogoutRedirectUri("{baseUrl}/signed-out");
        return http
            .authorizeHttpRequests(each -> each.requestMatchers("/signed-out").permitAll().anyRequest().authenticated())
            .oauth2Login(each -> each.defaultSuccessUrl("/", true))
            .logout(each -> each.logoutSuccessHandler(signOut))
            .build();
    }

    private final DefaultOAuth2AuthorizedClientManager manager;

    /** The manager refreshes a token that expires within the hour, and so at each call. */
    Site(ClientRegistrationRepository registrations, OAuth2AuthorizedClientRepository clients) {
        manager = new DefaultOAuth2AuthorizedClientManager(registrations, clients);
        manager.setAuthorizedClientProvider(OAuth2AuthorizedClientProviderBuilder.builder()
            .authorizationCode().refreshToken(each -> each.clockSkew(Duration.ofHours(1))).build());
    }

    @GetMapping("/")
    String home(@AuthenticationPrincipal OidcUser user) {
        return "Signed in as " + user.getEmail();
    }

    @GetMapping("/refresh")
    RedirectView refresh(OAuth2AuthenticationToken person, HttpServletRequest request, HttpServletResponse response) {
        manager.authorize(OAuth2AuthorizeRequest.withClientRegistrationId("ours").principal(person)
            .attribute(HttpServletRequest.class.getName(), request)
            .attribute(HttpServletResponse.class.getName(), response).build());
        return new RedirectView("/");
    }

    @GetMapping("/signed-out")
    String signedOut() {
        return "Signed out";
    }
}
