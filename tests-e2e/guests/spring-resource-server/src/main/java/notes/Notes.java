package notes;

import java.util.Map;

import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtValidators;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** An API that is not ours, with Spring Security's resource server. Its tokens come from one client. */
@SpringBootApplication
@RestController
public class Notes {
    public static void main(String[] arguments) {
        SpringApplication.run(Notes.class, arguments);
    }

    @Bean
    JwtDecoder decoder(
            @Value("${ISSUER}") String issuer, @Value("${API}") String api, @Value("${CALLER}") String client) {
        NimbusJwtDecoder decoder = NimbusJwtDecoder.withIssuerLocation(issuer).validateType(false).build();
        decoder.setJwtValidator(JwtValidators.createAtJwtValidator().issuer(issuer).audience(api).clientId(client).build());
        return decoder;
    }

    @Bean
    SecurityFilterChain security(HttpSecurity http) throws Exception {
        return http
            .authorizeHttpRequests(each -> each.anyRequest().hasAuthority("SCOPE_notes:read"))
            .oauth2ResourceServer(each -> each.jwt(Customizer.withDefaults()))
            .build();
    }

    @GetMapping("/notes")
    Map<String, Integer> count() {
        return Map.of("count", 3);
    }
}
